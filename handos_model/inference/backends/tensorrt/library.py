"""The two TensorRT libraries: which of them is used, and what differs between them and between their versions.

TensorRT for RTX is used on the GPUs that it lists, also where both libraries are installed: its engines are built in
seconds instead of minutes and serve all GPUs of one compute capability, so they can be made ahead on another machine.
All other GPUs (Hopper, and Orin and Thor in a Jetson) need the classic library.
"""

import importlib
import re
from dataclasses import dataclass
from importlib import util
from typing import Any, Final

from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.nvidia_driver import gpu_compute_capability
from handos_model.inference.backends.tensorrt.cuda_device import CudaDevice
from handos_model.inference.backends.tensorrt.cuda_libraries import cuda_library_unavailable

CLASSIC_MODULE: Final = "tensorrt"
RTX_MODULE: Final = "tensorrt_rtx_bindings"

_ANY_GPU: Final = "any"
"""Stands for the name of the GPU where an engine serves all GPUs of its compute capability."""
_INSTALL_CLASSIC: Final = "part of JetPack, elsewhere `pip install tensorrt`"
_INSTALL_RTX: Final = "`pip install '.[tensorrt-rtx]'`"


@dataclass(frozen=True)
class TensorRTLibrary:
    """One of the libraries, imported. Versions are distinguished by the attributes that they have."""

    trt: Any
    """Its Python module."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def is_rtx(self) -> bool:
        """Whether it is TensorRT for RTX."""
        return bool(self.trt.__name__ == RTX_MODULE)

    @property
    def name(self) -> str:
        """For messages and for the identity of engines."""
        return "TensorRT for RTX" if self.is_rtx else "TensorRT"

    @property
    def version(self) -> str:
        """Such as "10.13.3.9"."""
        return str(self.trt.__version__)

    @property
    def compute_capabilities(self) -> tuple[str, ...]:
        """Those that it can build for on any machine, such as "8.9"; the classic library builds for the GPU at hand."""
        members = dir(self.trt.ComputeCapability) if self.is_rtx else ()
        numbers = sorted(int(member[2:]) for member in members if re.fullmatch(r"SM\d+", member))
        return tuple(f"{number // 10}.{number % 10}" for number in numbers)

    @property
    def network_flags(self) -> int:
        """Flags of `Builder.create_network`: layers have the precision of the graph wherever that is possible."""
        flags = self.trt.NetworkDefinitionCreationFlag
        return 1 << int(flags.STRONGLY_TYPED if self.is_strongly_typed else flags.EXPLICIT_BATCH)

    @property
    def is_strongly_typed(self) -> bool:
        """Whether the graph decides about precision; otherwise half precision has to be allowed in addition."""
        return hasattr(self.trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")

    @property
    def reports_progress(self) -> bool:
        """Whether the builder can report its progress."""
        return hasattr(self.trt, "IProgressMonitor")

    @property
    def has_timing_cache(self) -> bool:
        """Whether builds measure kernels on the GPU, so that a cache of the times makes them faster."""
        return not self.is_rtx

    @property
    def has_runtime_cache(self) -> bool:
        """Whether kernels are compiled when an engine is loaded, so that a cache of them makes that faster."""
        return self.is_rtx


@dataclass(frozen=True)
class Target:
    """What an engine is built with and for."""

    library: TensorRTLibrary
    compute_capability: str
    gpu: str = _ANY_GPU
    """Name of the GPU, if the engine is for this one alone."""

    @property
    def architecture(self) -> str:
        """NVIDIA's name of the compute capability, such as "sm89"."""
        return _architecture(self.compute_capability)

    def configure(self, config: Any) -> None:
        """Set the target of a builder config; the classic library has none but the current GPU."""
        if not self.library.is_rtx:
            return
        trt = self.library.trt
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, self.architecture.upper()), 0)
        # No allocation while the network runs, so that a CUDA graph can be captured.
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)


def target_of(device: CudaDevice) -> Target:
    """What to build for a GPU.

    Raises
    ------
    BackendError
        If none of the installed libraries supports it.
    """
    library = _library_for(device.compute_capability)
    return Target(library, device.compute_capability, _ANY_GPU if library.is_rtx else device.name)


def target_named(architecture: str) -> Target:
    """What to build for GPUs of an architecture, such as "sm89", which this machine need not have.

    Raises
    ------
    ValueError
        If it is not written like one.
    BackendError
        If the library that builds for other machines is missing, or does not support the architecture.
    """
    match = re.fullmatch(r"sm(\d+)(\d)", architecture)
    if match is None:
        raise ValueError(f"GPU architecture {architecture!r} is invalid: write it as sm89 (compute capability 8.9)")
    if util.find_spec(RTX_MODULE) is None:
        raise BackendError(
            f"TensorRT for RTX, which builds engines for other machines, is not installed: {_INSTALL_RTX} (x86-64)"
        )
    library, capability = _imported(RTX_MODULE), f"{match[1]}.{match[2]}"
    if capability not in library.compute_capabilities:
        raise BackendError(
            f"{_unsupported(library, capability)}: install the classic library `tensorrt` on a machine with this GPU "
            f"({_INSTALL_CLASSIC}) and run `handos build-engine` there"
        )
    return Target(library, capability)


def tensorrt_unavailable() -> str | None:
    """Reason why no TensorRT library can run on this machine's GPU, or ``None``; there must be a GPU."""
    if util.find_spec(CLASSIC_MODULE) is None and util.find_spec(RTX_MODULE) is None:
        return f"missing Python packages: tensorrt ({_INSTALL_CLASSIC}; on GeForce and RTX GPUs {_INSTALL_RTX})"
    reason = cuda_library_unavailable()
    if reason is None:
        try:
            _library_for(gpu_compute_capability())
        except BackendError as error:
            return str(error)
    return reason


def _library_for(compute_capability: str) -> TensorRTLibrary:
    if util.find_spec(RTX_MODULE) is not None:
        rtx = _imported(RTX_MODULE)
        if compute_capability in rtx.compute_capabilities:
            return rtx
        if util.find_spec(CLASSIC_MODULE) is None:
            raise BackendError(
                f"{_unsupported(rtx, compute_capability)}: install the classic library `tensorrt` ({_INSTALL_CLASSIC})"
            )
    return _imported(CLASSIC_MODULE)


def _imported(module: str) -> TensorRTLibrary:
    try:
        return TensorRTLibrary(importlib.import_module(module))
    except Exception as error:  # of the dynamic linker, as many kinds as there are versions
        raise BackendError(f"the Python package {module} cannot be imported ({error}): install it again") from error


def _unsupported(library: TensorRTLibrary, compute_capability: str) -> str:
    supported = ", ".join(map(_architecture, library.compute_capabilities))
    return (
        f"{library} does not support GPUs of compute capability {compute_capability} "
        f"({_architecture(compute_capability)}), only {supported}"
    )


def _architecture(compute_capability: str) -> str:
    return "sm" + compute_capability.replace(".", "")
