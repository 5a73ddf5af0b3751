"""What can run the network, which of it can run it here, and the choice that `auto` makes."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import util
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from handos_model.inference.engine import BackendError, Engine, EngineOutput, NetworkProperties
from handos_model.inference.engine_per_size import EnginePerSize
from handos_model.inference.input_size import InputSize
from handos_model.inference.nvidia_driver import gpu_obstacle
from handos_model.io.frame import ImageArray

Backend = Literal[
    "auto",
    "tensorrt",
    "tensorrt-fp32",
    "torch-cuda",
    "onnxruntime-tensorrt",
    "onnxruntime-cuda",
    "onnxruntime",
    "torch",
]
"""Each name but "auto" means one library on one kind of device; those without a device in their name run on the CPU,
and "tensorrt" computes in half precision."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class BackendKind:
    """One way to run the network."""

    obstacle: Callable[[], str | None]
    """Why it cannot run here, as far as can be told without loading a network; ``None`` if it can."""
    load: Callable[[Path], Engine]


@dataclass(frozen=True)
class ChosenEngine:
    """The engine that `auto` chose, which says why."""

    engine: Engine
    reason: str

    @property
    def properties(self) -> NetworkProperties:
        """What the network says about itself."""
        return self.engine.properties

    @property
    def description(self) -> str:
        """Backend and device in words, and why they were chosen."""
        return f"{self.engine.description}; {self.reason}"

    def __call__(self, network_input: ImageArray) -> EngineOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        return self.engine(network_input)


def load_engine(weights: Path, backend: Backend) -> Engine:
    """Load a network with the backend named, or with the best that works.

    Raises
    ------
    ValueError
        If there is no such backend.
    BackendError
        If the backend named cannot run here: another one is never taken in its place.
    FileNotFoundError, WeightsError
        If the weights cannot be used, whatever the backend.
    """
    engine = _load_best(weights) if backend == "auto" else require_backend(backend).load(weights)
    _LOGGER.info("the network runs on %s", engine.description)
    return engine


def require_backend(backend: Backend) -> BackendKind:
    """Look a backend up by its name.

    Raises
    ------
    ValueError
        If there is no such backend.
    BackendError
        If it cannot run here.
    """
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}: choose one of {', '.join(get_args(Backend))}")
    kind = BACKENDS[backend]
    obstacle = kind.obstacle()
    if obstacle:
        raise BackendError(f"backend {backend} cannot run here: {obstacle}. Name another backend, or auto")
    return kind


def _load_best(weights: Path) -> ChosenEngine:
    passed_over: list[str] = []
    for backend in AUTO_ORDER:
        kind = BACKENDS[backend]
        obstacle = kind.obstacle()
        if obstacle is None:
            try:
                return ChosenEngine(kind.load(weights), _reason(backend, passed_over))
            except BackendError as error:
                _LOGGER.warning("backend %s is passed over: %s", backend, error)
                obstacle = str(error)
        passed_over.append(f"{backend}: {obstacle}")
    raise BackendError(f"no backend can run the network here. {'; '.join(passed_over)}")


def _reason(backend: str, passed_over: list[str]) -> str:
    if not passed_over:
        return f"backend {backend}, the fastest"
    return f"backend {backend}, the fastest that works here ({'; '.join(passed_over)})"


def _module_obstacle(*names: str, install: str) -> str | None:
    missing = [name for name in names if util.find_spec(name) is None]
    return f"the Python package {' and '.join(missing)} is missing: {install}" if missing else None


def _tensorrt_obstacle() -> str | None:
    from handos_model.inference.tensorrt.cuda_device import cuda_library_obstacle

    return (
        gpu_obstacle()
        or _module_obstacle("tensorrt", install="JetPack brings it, `pip install tensorrt` elsewhere")
        or cuda_library_obstacle()
    )


def _torch_obstacle() -> str | None:
    return _module_obstacle("torch", "onnx", install="`pip install handos[train]`")


def _torch_cuda_obstacle() -> str | None:
    obstacle = gpu_obstacle() or _torch_obstacle()
    if obstacle is None:
        import torch

        if not torch.cuda.is_available():
            return f"torch {torch.__version__} is not built for this GPU: install a CUDA build of it"
    return obstacle


def _provider_obstacle(provider: str) -> str | None:
    import onnxruntime  # type: ignore[import-untyped]

    if provider in onnxruntime.get_available_providers():
        return None
    return f"ONNX Runtime {onnxruntime.__version__} is built without {provider}: install onnxruntime-gpu in its place"


def _per_size(weights: Path, load: Callable[[Path, NetworkProperties, InputSize], Engine]) -> Engine:
    from handos_model.inference.onnxruntime_engine import read_properties

    properties = read_properties(weights)
    return EnginePerSize(properties, partial(load, weights, properties))


def _load_tensorrt(weights: Path) -> Engine:
    from handos_model.inference.tensorrt.engine import load_tensorrt_engine

    return _per_size(weights, partial(load_tensorrt_engine, precision="fp16"))


def _load_tensorrt_fp32(weights: Path) -> Engine:
    from handos_model.inference.tensorrt.engine import load_tensorrt_engine

    return _per_size(weights, partial(load_tensorrt_engine, precision="fp32"))


def _load_torch(weights: Path) -> Engine:
    from handos_model.inference.torch_engine import TorchEngine

    return _per_size(weights, TorchEngine)


def _load_torch_cuda(weights: Path) -> Engine:
    from handos_model.inference.torch_engine import CudaGraphEngine

    return _per_size(weights, CudaGraphEngine)


def _load_onnxruntime(weights: Path) -> Engine:
    from handos_model.inference.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(weights)


def _load_onnxruntime_cuda(weights: Path) -> Engine:
    from handos_model.inference.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(weights, "CUDAExecutionProvider")


def _load_onnxruntime_tensorrt(weights: Path) -> Engine:
    from handos_model.inference.onnxruntime_engine import OnnxRuntimeEngine

    return _per_size(weights, lambda path, _, size: OnnxRuntimeEngine(path, "TensorrtExecutionProvider", size))


BACKENDS: Final[Mapping[str, BackendKind]] = MappingProxyType(
    {
        "tensorrt": BackendKind(_tensorrt_obstacle, _load_tensorrt),
        "tensorrt-fp32": BackendKind(_tensorrt_obstacle, _load_tensorrt_fp32),
        "torch-cuda": BackendKind(_torch_cuda_obstacle, _load_torch_cuda),
        "onnxruntime-tensorrt": BackendKind(
            lambda: gpu_obstacle() or _provider_obstacle("TensorrtExecutionProvider"), _load_onnxruntime_tensorrt
        ),
        "onnxruntime-cuda": BackendKind(
            lambda: gpu_obstacle() or _provider_obstacle("CUDAExecutionProvider"), _load_onnxruntime_cuda
        ),
        "onnxruntime": BackendKind(lambda: None, _load_onnxruntime),
        "torch": BackendKind(_torch_obstacle, _load_torch),
    }
)

AUTO_ORDER: Final = ("tensorrt", "torch-cuda", "onnxruntime-cuda", "onnxruntime")
"""Fastest first. Not among them: those that another one always beats, and `onnxruntime-tensorrt`, which spends minutes
on building its engine without a word."""
