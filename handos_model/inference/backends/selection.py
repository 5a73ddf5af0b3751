"""The backends, whether they can run on this machine, and the selection of `auto`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import util
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from handos_model.architecture.contract import (
    TRAINED_WEIGHTS_SUFFIX,
    NetworkOutput,
    NetworkProperties,
    RunChoices,
    WeightsError,
    int8_beside,
    is_int8,
)
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.engine import BackendError, Engine
from handos_model.inference.backends.engine_per_size import EnginePerSize
from handos_model.inference.backends.int8_instructions import int8_unavailable
from handos_model.inference.backends.nvidia_driver import gpu_unavailable

Backend = Literal[
    "auto",
    "tensorrt",
    "tensorrt-fp32",
    "onnxruntime-cuda",
    "onnxruntime-int8",
    "onnxruntime",
    "torch-cuda",
    "torch",
]
"""Names of backends; "auto" selects one. Those without a GPU library in their name run on the CPU, "tensorrt" runs in
half precision, "onnxruntime-int8" runs the file with convolutions in int8 beside a network, and the torch backends run
weights to train on instead of a network in ONNX."""

_LOGGER = logging.getLogger(__name__)

_NO_CHOICES: Final = RunChoices()


@dataclass(frozen=True)
class BackendSpec:
    """Availability check and loader of a backend."""

    unavailable_reason: Callable[[], str | None]
    """Returns why the backend cannot run on this machine, or ``None``; checked without loading a network."""
    load: Callable[[Path, RunChoices], Engine]
    """Loads a network file, to be run as chosen."""
    runs_trained_weights: bool = False
    """Whether the file holds weights to train on (safetensors), not a network in ONNX."""


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


def load_engine(weights: Path, backend: Backend, choices: RunChoices = _NO_CHOICES) -> Engine:
    """Load a network with a named backend, or with the fastest that works on this machine.

    Raises
    ------
    ValueError
        If there is no such backend.
    BackendError
        If a named backend cannot run on this machine; it never falls back to another.
    FileNotFoundError, WeightsError
        If the weights cannot be used, or not as chosen, or are not of the kind that the backend runs.
    """
    engine = _load_best(weights, choices) if backend == "auto" else _load_named(weights, backend, choices)
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


def runs_trained_weights(backend: Backend) -> bool:
    """Whether a backend runs weights to train on (safetensors) instead of a network in ONNX."""
    return backend in BACKENDS and BACKENDS[backend].runs_trained_weights


def _load_named(weights: Path, backend: Backend, choices: RunChoices) -> Engine:
    spec = require_backend(backend)
    trained = weights.suffix == TRAINED_WEIGHTS_SUFFIX
    if trained and not spec.runs_trained_weights:
        raise WeightsError(
            f"weights file {weights} runs on the backends torch and torch-cuda only: choose one of them, or write an "
            "ONNX file of it with `handos export`"
        )
    if is_int8(weights) and backend not in _INT8_BACKENDS:
        raise WeightsError(
            f"weights file {weights}, with convolutions in int8, runs on the backends {' and '.join(_INT8_BACKENDS)} "
            "only: choose one of them, or the .onnx file that it was made of"
        )
    if spec.runs_trained_weights and not trained:
        beside = weights.with_suffix(TRAINED_WEIGHTS_SUFFIX)
        other = str(beside) if beside.is_file() else f"the {TRAINED_WEIGHTS_SUFFIX} file that it was exported from"
        raise WeightsError(
            f"backend {backend} runs weights to train on, not an ONNX file such as {weights}: use {other}, or another "
            "backend"
        )
    return spec.load(weights, choices)


def _load_best(weights: Path, choices: RunChoices) -> SelectedEngine:
    skipped: list[str] = []
    for backend in auto_order(weights):
        spec = BACKENDS[backend]
        reason = spec.unavailable_reason()
        if reason is None:
            try:
                return SelectedEngine(spec.load(weights, choices), _selection_reason(backend, skipped))
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
    from handos_model.inference.backends.tensorrt.library import tensorrt_unavailable

    return gpu_unavailable() or tensorrt_unavailable()


def _torch_unavailable() -> str | None:
    return _missing_packages("torch", "transformers", "safetensors", install="`pip install '.[train]'`")


def _torch_cuda_unavailable() -> str | None:
    reason = gpu_unavailable() or _torch_unavailable()
    if reason is None:
        import torch

        if not torch.cuda.is_available():
            return f"torch {torch.__version__} does not support this GPU: install a CUDA build of torch"
    return reason


def _onnxruntime_cuda_unavailable() -> str | None:
    reason = gpu_unavailable()
    if reason is None:
        import onnxruntime  # type: ignore[import-untyped]

        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            return (
                f"ONNX Runtime {onnxruntime.__version__} is built without CUDA: `pip install '.[cuda]'`, "
                "then `pip install --force-reinstall --no-deps onnxruntime-gpu`, because both builds of ONNX Runtime "
                "use the same files"
            )
    return reason


def _per_size(
    weights: Path, choices: RunChoices, load: Callable[[Path, NetworkProperties, InputSize], Engine]
) -> Engine:
    from handos_model.inference.backends.onnxruntime_engine import read_properties

    properties = choices.apply_on_gpu(read_properties(weights))
    return EnginePerSize(properties, partial(load, weights, properties))


def _load_tensorrt(precision: Literal["fp16", "fp32"], weights: Path, choices: RunChoices) -> Engine:
    from handos_model.inference.backends.tensorrt.tensorrt_engine import load_tensorrt_engine

    return _per_size(weights, choices, partial(load_tensorrt_engine, precision=precision))


def _load_onnxruntime_cuda(weights: Path, choices: RunChoices) -> Engine:
    from handos_model.inference.backends.bound_engine import BoundEngine

    return _per_size(weights, choices, partial(BoundEngine, provider="CUDAExecutionProvider"))


def _load_onnxruntime(weights: Path, choices: RunChoices) -> Engine:
    from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(weights, choices)


def _load_onnxruntime_int8(weights: Path, choices: RunChoices) -> Engine:
    from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine

    path = int8_beside(weights)
    if not path.is_file() and weights.is_file():
        raise BackendError(f"there is no {path.name} beside {weights}: write it with `handos export --int8`")
    return OnnxRuntimeEngine(path, choices)


def _load_torch_cuda(weights: Path, choices: RunChoices) -> Engine:
    from handos_model.inference.backends.torch_engine import load_on_gpu

    return load_on_gpu(weights, choices)


def _load_torch(weights: Path, choices: RunChoices) -> Engine:
    from handos_model.inference.backends.torch_engine import TorchEngine

    return TorchEngine(weights, choices)


BACKENDS: Final[Mapping[str, BackendSpec]] = MappingProxyType(
    {
        "tensorrt": BackendSpec(_tensorrt_unavailable, partial(_load_tensorrt, "fp16")),
        "tensorrt-fp32": BackendSpec(_tensorrt_unavailable, partial(_load_tensorrt, "fp32")),
        "onnxruntime-cuda": BackendSpec(_onnxruntime_cuda_unavailable, _load_onnxruntime_cuda),
        "onnxruntime-int8": BackendSpec(int8_unavailable, _load_onnxruntime_int8),
        "onnxruntime": BackendSpec(lambda: None, _load_onnxruntime),
        "torch-cuda": BackendSpec(_torch_cuda_unavailable, _load_torch_cuda, runs_trained_weights=True),
        "torch": BackendSpec(_torch_unavailable, _load_torch, runs_trained_weights=True),
    }
)

AUTO_ORDER: Final = ("tensorrt", "onnxruntime-cuda", "onnxruntime-int8", "onnxruntime", "torch-cuda", "torch")
"""Fastest first, those for weights to train on last. Left out: `tensorrt-fp32`, which is never the fastest."""


_INT8_BACKENDS: Final = ("onnxruntime-int8", "onnxruntime")
"""Those that run files with convolutions in int8, the second on any processor."""


def auto_order(weights: Path) -> list[str]:
    """The backends that `auto` tries for a file, in order."""
    if is_int8(weights):
        return [backend for backend in AUTO_ORDER if backend in _INT8_BACKENDS]
    trained = weights.suffix == TRAINED_WEIGHTS_SUFFIX
    order = [backend for backend in AUTO_ORDER if BACKENDS[backend].runs_trained_weights == trained]
    return order if int8_beside(weights).is_file() else [backend for backend in order if backend != "onnxruntime-int8"]
