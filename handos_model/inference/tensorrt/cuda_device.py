"""What the TensorRT engine needs of CUDA, and which Python library gives it: pycuda, or cuda.bindings without it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import util
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from handos_model.inference.engine import BackendError


@dataclass(frozen=True)
class Buffer:
    """Memory of a tensor that host and device know, at addresses that never change."""

    host: npt.NDArray[Any]
    """Page-locked, so that it is copied while the CPU does something else."""
    address: int
    """On the device; on a Jetson the same memory as `host`."""
    owner: object = None
    """What frees the device's memory when nothing refers to it any more, where `host` does not."""


class CudaDevice(Protocol):
    """The first visible GPU, with one stream. Everything but `active` needs its context to be active."""

    @property
    def name(self) -> str:
        """Such as "NVIDIA GeForce RTX 4070"."""

    @property
    def compute_capability(self) -> str:
        """Such as "8.9"."""

    @property
    def library(self) -> str:
        """The Python library and its version."""

    @property
    def stream(self) -> int:
        """Handle of the stream that all work goes to."""

    def active(self) -> AbstractContextManager[None]:
        """Make the device's primary context, which other libraries share, current in this thread."""

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """Allocate."""

    def upload(self, buffer: Buffer) -> None:
        """Queue the copy from host to device, where these are two."""

    def download(self, buffer: Buffer) -> None:
        """Queue the copy from device to host, where these are two."""

    def synchronize(self) -> None:
        """Wait until everything queued is done."""

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record what `work` queues, without doing it, as a CUDA graph -> a function that queues the graph."""


def out_of_memory(shape: tuple[int, ...], dtype: npt.DTypeLike, error: Exception) -> BackendError:
    """What to say when memory of a tensor cannot be allocated."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return BackendError(
        f"the GPU gives no {size} bytes for a tensor of shape {shape} ({error}): end other programs that use it, "
        "`nvidia-smi` lists them"
    )


def cuda_library_obstacle() -> str | None:
    """Why CUDA's memory cannot be reached from Python here; ``None`` where it can."""
    if _has_pycuda() or _has_cuda_bindings():
        return None
    return "neither the Python package pycuda nor cuda-bindings is there: `pip install cuda-bindings`"


def open_cuda_device() -> CudaDevice:
    """Open the first visible GPU.

    Raises
    ------
    BackendError
        If there is none, or no library to reach it.
    """
    if _has_pycuda():
        from handos_model.inference.tensorrt.pycuda_device import PycudaDevice

        return PycudaDevice()
    if _has_cuda_bindings():
        from handos_model.inference.tensorrt.cuda_bindings_device import CudaBindingsDevice

        return CudaBindingsDevice()
    raise BackendError(str(cuda_library_obstacle()))


def _has_pycuda() -> bool:
    return util.find_spec("pycuda") is not None


def _has_cuda_bindings() -> bool:
    return util.find_spec("cuda") is not None and util.find_spec("cuda.bindings") is not None
