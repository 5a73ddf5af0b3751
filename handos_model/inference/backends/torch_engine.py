"""Runs the model itself in torch, from its weights to train on: on the CPU, or as a CUDA graph on an NVIDIA GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from handos_model.architecture.contract import NetworkOutput, NetworkProperties, RunChoices, WeightsError
from handos_model.architecture.exported_attention import with_gathered_attention
from handos_model.architecture.handos import HandOS
from handos_model.architecture.input_size import InputSize
from handos_model.architecture.trained_weights import read_trained_model, read_trained_properties
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.engine_per_size import EnginePerSize

_NO_CHOICES: Final = RunChoices()
_WARM_UP_RUNS: Final[int] = 3
"""Runs before capturing, in which libraries select their algorithms and allocate their memory."""


class TorchEngine:
    """A HandOS model from a safetensors file, on the CPU. Not to be called from several threads at once.

    Parameters
    ----------
    path
        File written by `handos export`.
    choices
        How it is run; it always fills all slots.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    WeightsError
        If it does not hold weights of a model with this package's mesh, or cannot be run as chosen.
    """

    def __init__(self, path: Path, choices: RunChoices = _NO_CHOICES) -> None:
        self._path = path
        model, self.properties = _read_model(path, choices.apply)
        self._model = with_gathered_attention(model)
        self.description = f"torch {torch.__version__}, CPU"

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8.

        Raises
        ------
        BackendError
            If torch cannot compute it, for example because it needs more memory than there is.
        """
        with _errors_named(self._path, "the CPU"), torch.inference_mode():
            outputs = self._model(torch.from_numpy(network_input))
        return NetworkOutput(*(output.numpy() for output in outputs))


class CudaGraphEngine:
    """A HandOS model on an NVIDIA GPU, captured as a CUDA graph for one input size.

    Parameters
    ----------
    run
        From (1, H, W, 3) uint8 BGR on the GPU to the fields of `NetworkOutput`; must not read values back.
    properties
        Metadata of the network.
    size
        Input size.
    device
        The GPU.
    """

    def __init__(
        self,
        run: Callable[[Tensor], tuple[Tensor, ...]],
        properties: NetworkProperties,
        size: InputSize,
        device: torch.device,
    ) -> None:
        self.properties = properties
        self._host_input = torch.empty((1, size.height, size.width, 3), dtype=torch.uint8, pin_memory=True)
        self._input = self._host_input.to(device)
        # TF32 would move joints as far as half precision does.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            self._capture(run)
        self.description = f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}, CUDA graph"

    @torch.inference_mode()
    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        self._host_input.copy_(torch.from_numpy(network_input))
        self._input.copy_(self._host_input, non_blocking=True)
        self._graph.replay()
        self._host_output.copy_(self._packed, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        # A copy, because the next image overwrites this memory.
        parts = np.split(self._host_output.numpy().copy(), self._ends[:-1])
        return NetworkOutput(*(part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)))

    def _capture(self, run: Callable[[Tensor], tuple[Tensor, ...]]) -> None:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_RUNS):
                outputs = run(self._input)
        torch.cuda.current_stream().wait_stream(stream)
        self._shapes = [tuple(output.shape) for output in outputs]
        self._ends = np.cumsum([np.prod(shape) for shape in self._shapes])
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph), KeepTensorsRead() as self._tensors_read:
            # One tensor, so that one copy transfers all outputs to the host.
            self._packed = torch.cat([output.flatten() for output in run(self._input)])
        self._host_output = torch.empty(self._packed.shape, dtype=self._packed.dtype, pin_memory=True)


class KeepTensorsRead(TorchFunctionMode):
    """Keeps the tensors that a computation reads but does not make, whose memory a CUDA graph goes on reading.

    Nobody else may do so: transformers caches anchors and position embeddings for the latest few input sizes only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tensors: list[Tensor] = []
        self._made: set[int] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = _tensors_of([*args, *(kwargs or {}).values()])
        self.tensors += [tensor for tensor in given if tensor.untyped_storage()._cdata not in self._made]
        self._made |= {tensor.untyped_storage()._cdata for tensor in _tensors_of(result)}
        return result


def load_on_gpu(path: Path, choices: RunChoices = _NO_CHOICES) -> EnginePerSize:
    """Load a safetensors file's model onto the first NVIDIA GPU; its engines share the weights.

    Raises
    ------
    FileNotFoundError, WeightsError
        As for `TorchEngine`.
    BackendError
        If torch cannot run it there, for example because the GPU has too little memory.
    """
    model, properties = _read_model(path, choices.apply_on_gpu)
    device = torch.device("cuda", 0)

    def capture(size: InputSize) -> CudaGraphEngine:
        with _errors_named(path, torch.cuda.get_device_name(device)):
            return CudaGraphEngine(model, properties, size, device)

    with _errors_named(path, "the GPU"):
        model.to(device)
    return EnginePerSize(properties, capture)


def _read_model(
    path: Path, as_chosen: Callable[[NetworkProperties], NetworkProperties]
) -> tuple[HandOS, NetworkProperties]:
    topology, properties = HandTopology.load(), read_trained_properties(path)
    if properties.topology_id != topology.id:
        raise WeightsError(
            f"weights file {path} is for the mesh {properties.topology_id!r}, but torch runs {topology.id!r} only: "
            "write an ONNX file of it with `handos export`, for the other backends"
        )
    model, properties = read_trained_model(path, topology)
    properties = as_chosen(properties)
    model.slots = properties.max_hands or model.slots
    return model, properties


@contextmanager
def _errors_named(path: Path, device: str) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # of lacking memory and of CUDA, too
        reason = str(error).partition("\n")[0]
        raise BackendError(
            f"torch cannot run {path} on {device}: {reason}. Free its memory, or choose another backend"
        ) from error


def _tensors_of(value: Any) -> list[Tensor]:
    """The tensors in nested lists and tuples."""
    if isinstance(value, Tensor):
        return [value]
    return [tensor for part in value for tensor in _tensors_of(part)] if isinstance(value, list | tuple) else []
