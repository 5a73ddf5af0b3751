"""Runs the network in torch, on the CPU or as a CUDA graph on an NVIDIA GPU."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from handos_model.architecture.contract import OUTPUT_NAMES, TRAINED_WEIGHTS_SUFFIX, NetworkOutput, NetworkProperties
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.static_shapes import read_with_static_shape
from handos_model.inference.backends.torch_graph import TorchGraph

_WARM_UP_RUNS: Final[int] = 3
"""Runs before capturing, in which libraries select their algorithms and allocate their memory."""

Network = Callable[[Tensor], Mapping[str, Tensor]]
"""From (1, H, W, 3) uint8 BGR to the outputs by name."""


class TorchEngine:
    """A HandOS network from an ONNX or safetensors file, on the CPU.

    Parameters
    ----------
    path
        File written by `handos export`.
    properties
        Metadata of the network.
    size
        Input size.

    Raises
    ------
    BackendError
        If torch cannot run it.
    """

    def __init__(self, path: Path, properties: NetworkProperties, size: InputSize) -> None:
        self.properties = properties
        self._network = _load_network(path, properties, size, torch.device("cpu"))
        self.description = f"torch {torch.__version__}, CPU"

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        outputs = self._network(torch.from_numpy(network_input))
        return NetworkOutput(*(outputs[name].numpy() for name in OUTPUT_NAMES))


class CudaGraphEngine:
    """A HandOS network from an ONNX or safetensors file, on the first NVIDIA GPU.

    Parameters
    ----------
    path
        File written by `handos export`.
    properties
        Metadata of the network.
    size
        Input size.

    Raises
    ------
    BackendError
        As for `TorchEngine`; also if the GPU has too little memory.
    """

    def __init__(self, path: Path, properties: NetworkProperties, size: InputSize) -> None:
        self.properties = properties
        device = torch.device("cuda", 0)
        self._host_input = torch.empty((1, size.height, size.width, 3), dtype=torch.uint8, pin_memory=True)
        try:
            self._input = self._host_input.to(device)
            self._capture(_load_network(path, properties, size, device))
        except torch.cuda.OutOfMemoryError as error:
            raise BackendError(
                f"{torch.cuda.get_device_name(device)} does not have enough memory for {path}: stop other programs "
                f"that use it (see `nvidia-smi`). torch: {error}"
            ) from error
        self.description = f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}, CUDA graph"

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        self._host_input.copy_(torch.from_numpy(network_input))
        self._input.copy_(self._host_input, non_blocking=True)
        self._cuda_graph.replay()
        self._host_output.copy_(self._packed, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        # A copy, because the next image overwrites this memory.
        parts = np.split(self._host_output.numpy().copy(), self._ends[:-1])
        return NetworkOutput(*(part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)))

    def _capture(self, network: Network) -> None:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_RUNS):
                outputs = network(self._input)
        torch.cuda.current_stream().wait_stream(stream)
        self._shapes = [tuple(outputs[name].shape) for name in OUTPUT_NAMES]
        self._ends = np.cumsum([np.prod(shape) for shape in self._shapes])
        self._cuda_graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._cuda_graph):
            self._packed = _pack(network(self._input))
        self._host_output = torch.empty(self._packed.shape, dtype=self._packed.dtype, pin_memory=True)


def _load_network(path: Path, properties: NetworkProperties, size: InputSize, device: torch.device) -> Network:
    if path.suffix != TRAINED_WEIGHTS_SUFFIX:
        return TorchGraph(path, read_with_static_shape(path, properties.input_sizes, size), device)
    from handos_model.architecture.trained_weights import read_trained_model

    model, _ = read_trained_model(path, HandTopology.load())
    model.to(device)

    @torch.inference_mode()
    def run(image: Tensor) -> Mapping[str, Tensor]:
        return dict(zip(OUTPUT_NAMES, model(image), strict=True))

    return run


def _pack(outputs: Mapping[str, Tensor]) -> Tensor:
    """Concatenate all outputs, so that one copy transfers them to the host."""
    return torch.cat([outputs[name].flatten() for name in OUTPUT_NAMES])
