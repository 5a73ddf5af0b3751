"""The backends, whether they can run on this machine, and the selection of `auto`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import util
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX, NetworkOutput, NetworkProperties, WeightsError
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.engine import BackendError, Engine
from handos_model.inference.backends.engine_per_size import EnginePerSize
from handos_model.inference.backends.nvidia_driver import gpu_unavailable

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
"""Names of backends; "auto" selects one. Those without a GPU library in their name run on the CPU, and "tensorrt" runs
in half precision."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class BackendSpec:
    """Availability check and loader of a backend."""

    unavailable_reason: Callable[[], str | None]
    """Returns why the backend cannot run on this machine, or ``None``; checked without loading a network."""
    load: Callable[[Path], Engine]
    """Loads a network file."""


@dataclass(frozen=True)
class SelectedEngine:
    """Engine selected by `auto`, with the reason in its description."""

    engine: Engine
    reason: str

    @property
    def properties(self) -> NetworkProperties:
        """Metadata of the network."""
        return self.engine.properties

    @property
    def description(self) -> str:
        """Backend and device, and why they were selected."""
        return f"{self.engine.description}; {self.reason}"

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        return self.engine(network_input)


def load_engine(weights: Path, backend: Backend) -> Engine:
    """Load a network with a named backend, or with the fastest that works on this machine.

    Raises
    ------
    ValueError
        If there is no such backend.
    BackendError
        If a named backend cannot run on this machine; it never falls back to another.
    FileNotFoundError, WeightsError
        If the weights cannot be used with any backend.
    """
    if weights.suffix == TRAINED_WEIGHTS_SUFFIX and backend not in ("torch", "torch-cuda"):
        raise WeightsError(
            f"weights file {weights} runs on the backends torch and torch-cuda only: choose one of them, or write an "
            "ONNX file of it with `handos export`"
        )
    engine = _load_best(weights) if backend == "auto" else require_backend(backend).load(weights)
    _LOGGER.info("the network runs on %s", engine.description)
    return engine


def require_backend(backend: Backend) -> BackendSpec:
    """Look up a backend that can run on this machine.

    Raises
    ------
    ValueError
        If there is no such backend.
    BackendError
        If it cannot run on this machine.
    """
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}: choose one of {', '.join(get_args(Backend))}")
    spec = BACKENDS[backend]
    reason = spec.unavailable_reason()
    if reason:
        raise BackendError(f"backend {backend} cannot run here: {reason}. Choose another backend, or auto")
    return spec


def _load_best(weights: Path) -> SelectedEngine:
    skipped: list[str] = []
    for backend in AUTO_ORDER:
        spec = BACKENDS[backend]
        reason = spec.unavailable_reason()
        if reason is None:
            try:
                return SelectedEngine(spec.load(weights), _selection_reason(backend, skipped))
            except BackendError as error:
                _LOGGER.warning("backend %s is skipped: %s", backend, error)
                reason = str(error)
        skipped.append(f"{backend}: {reason}")
    raise BackendError(f"no backend can run the network here. {'; '.join(skipped)}")


def _selection_reason(backend: str, skipped: list[str]) -> str:
    if not skipped:
        return f"backend {backend}, the fastest"
    return f"backend {backend}, the fastest that works here ({'; '.join(skipped)})"


def _missing_packages(*names: str, install: str) -> str | None:
    missing = [name for name in names if util.find_spec(name) is None]
    return f"missing Python packages: {', '.join(missing)} ({install})" if missing else None


def _tensorrt_unavailable() -> str | None:
    from handos_model.inference.backends.tensorrt.cuda_libraries import cuda_library_unavailable

    return (
        gpu_unavailable()
        or _missing_packages("tensorrt", install="part of JetPack, elsewhere `pip install tensorrt`")
        or cuda_library_unavailable()
    )


def _torch_unavailable() -> str | None:
    return _missing_packages("torch", "onnx", install="`pip install handos[train]`")


def _torch_cuda_unavailable() -> str | None:
    reason = gpu_unavailable() or _torch_unavailable()
    if reason is None:
        import torch

        if not torch.cuda.is_available():
            return f"torch {torch.__version__} does not support this GPU: install a CUDA build of torch"
    return reason


def _provider_unavailable(provider: str) -> str | None:
    reason = gpu_unavailable()
    if reason is None:
        import onnxruntime  # type: ignore[import-untyped]

        if provider not in onnxruntime.get_available_providers():
            return (
                f"ONNX Runtime {onnxruntime.__version__} is built without {provider}: install onnxruntime-gpu instead"
            )
    return reason


def _per_size(weights: Path, load: Callable[[Path, NetworkProperties, InputSize], Engine]) -> Engine:
    properties = _read_properties(weights)
    return EnginePerSize(properties, partial(load, weights, properties))


def _read_properties(weights: Path) -> NetworkProperties:
    if weights.suffix == TRAINED_WEIGHTS_SUFFIX:
        from handos_model.architecture.trained_weights import read_trained_properties

        return read_trained_properties(weights)
    from handos_model.inference.backends.onnxruntime_engine import read_properties

    return read_properties(weights)


def _load_tensorrt(precision: Literal["fp16", "fp32"], weights: Path) -> Engine:
    from handos_model.inference.backends.tensorrt.tensorrt_engine import load_tensorrt_engine

    return _per_size(weights, partial(load_tensorrt_engine, precision=precision))


def _load_torch(weights: Path) -> Engine:
    from handos_model.inference.backends.torch_engine import TorchEngine

    return _per_size(weights, TorchEngine)


def _load_torch_cuda(weights: Path) -> Engine:
    from handos_model.inference.backends.torch_engine import CudaGraphEngine

    return _per_size(weights, CudaGraphEngine)


def _load_onnxruntime(provider: Literal["CPUExecutionProvider", "CUDAExecutionProvider"], weights: Path) -> Engine:
    from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(weights, provider)


def _load_onnxruntime_tensorrt(weights: Path) -> Engine:
    from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine

    return _per_size(weights, lambda path, _, size: OnnxRuntimeEngine(path, "TensorrtExecutionProvider", size))


BACKENDS: Final[Mapping[str, BackendSpec]] = MappingProxyType(
    {
        "tensorrt": BackendSpec(_tensorrt_unavailable, partial(_load_tensorrt, "fp16")),
        "tensorrt-fp32": BackendSpec(_tensorrt_unavailable, partial(_load_tensorrt, "fp32")),
        "torch-cuda": BackendSpec(_torch_cuda_unavailable, _load_torch_cuda),
        "onnxruntime-tensorrt": BackendSpec(
            partial(_provider_unavailable, "TensorrtExecutionProvider"), _load_onnxruntime_tensorrt
        ),
        "onnxruntime-cuda": BackendSpec(
            partial(_provider_unavailable, "CUDAExecutionProvider"), partial(_load_onnxruntime, "CUDAExecutionProvider")
        ),
        "onnxruntime": BackendSpec(lambda: None, partial(_load_onnxruntime, "CPUExecutionProvider")),
        "torch": BackendSpec(_torch_unavailable, _load_torch),
    }
)

AUTO_ORDER: Final = ("tensorrt", "torch-cuda", "onnxruntime-cuda", "onnxruntime")
"""Fastest first, without backends that are never the fastest and without `onnxruntime-tensorrt`, which builds its
engine for minutes without any log output."""
