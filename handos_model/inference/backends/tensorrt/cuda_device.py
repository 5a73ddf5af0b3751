"""`CudaDevice`: the CUDA functions that the TensorRT engine needs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from handos_model.inference.backends.engine import BackendError


@dataclass(frozen=True)
class Buffer:
    """Host and device memory of a tensor, at fixed addresses."""

    host: npt.NDArray[Any]
    """Page-locked, so that copies are asynchronous."""
    address: int
    """On the device; on a Jetson the same memory as `host`."""
    owner: object = None
    """Frees the device memory when it is garbage-collected; ``None`` if `host` does."""


class CudaDevice(Protocol):
    """The first visible GPU with one stream. All methods but `active` need the context to be active."""

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
        """Handle of the stream."""

    def active(self) -> AbstractContextManager[None]:
        """Make the device's primary context, which other libraries share, current in this thread."""

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """Allocate host and device memory of a tensor."""

    def upload(self, buffer: Buffer) -> None:
        """Queue the copy from host to device, unless they share memory."""

    def download(self, buffer: Buffer) -> None:
        """Queue the copy from device to host, unless they share memory."""

    def synchronize(self) -> None:
        """Wait until all queued work is done."""

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture the work that `work` queues as a CUDA graph and return a function that launches it."""


def out_of_memory(shape: tuple[int, ...], dtype: npt.DTypeLike, error: Exception) -> BackendError:
    """The error to raise when the memory of a tensor cannot be allocated."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return BackendError(
        f"the GPU cannot allocate {size} bytes for a tensor of shape {shape} ({error}): stop other programs that use "
        "it (see `nvidia-smi`)"
    )
