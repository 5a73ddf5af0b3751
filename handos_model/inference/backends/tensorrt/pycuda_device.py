"""`CudaDevice` through pycuda, which is compiled on the target machine, as is usual on a Jetson."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy.typing as npt
import pycuda
import pycuda.driver as cuda

from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.nvidia_driver import LIBRARY
from handos_model.inference.backends.tensorrt.cuda_device import Buffer, out_of_memory

_STREAM_NON_BLOCKING: Final[int] = 1
"""CU_STREAM_NON_BLOCKING: no synchronisation with the default stream of other libraries; needed for capturing."""
_CAPTURE_THREAD_LOCAL: Final[int] = 1
"""CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: GPU calls of other threads do not invalidate the capture."""


class PycudaDevice:
    """See `CudaDevice`.

    Raises
    ------
    BackendError
        If there is no driver or no GPU.
    """

    def __init__(self) -> None:
        try:
            cuda.init()
            device = cuda.Device(0)
            self._context = device.retain_primary_context()
        except cuda.Error as error:
            raise BackendError(f"the NVIDIA driver cannot be used: {error}") from error
        self.name = str(device.name())
        self.compute_capability = "{}.{}".format(*device.compute_capability())
        self._shares_memory = bool(device.get_attribute(cuda.device_attribute.INTEGRATED))
        self.library = f"pycuda {pycuda.VERSION_TEXT}"
        with self.active():
            self._stream = cuda.Stream(_STREAM_NON_BLOCKING)
        self.stream = int(self._stream.handle)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make the primary context current in this thread."""
        self._context.push()
        try:
            yield
        finally:
            cuda.Context.pop()

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """Allocate host and device memory of a tensor."""
        try:
            host = cuda.pagelocked_empty(shape, dtype, mem_flags=cuda.host_alloc_flags.DEVICEMAP)
            if self._shares_memory:
                return Buffer(host, int(host.base.get_device_pointer()))
            memory = cuda.mem_alloc(host.nbytes)
        except cuda.Error as error:
            raise out_of_memory(shape, dtype, error) from error
        return Buffer(host, int(memory), memory)

    def upload(self, buffer: Buffer) -> None:
        """Queue the copy from host to device."""
        if not self._shares_memory:
            cuda.memcpy_htod_async(buffer.address, buffer.host, self._stream)

    def download(self, buffer: Buffer) -> None:
        """Queue the copy from device to host."""
        if not self._shares_memory:
            cuda.memcpy_dtoh_async(buffer.host, buffer.address, self._stream)

    def synchronize(self) -> None:
        """Wait for the stream."""
        try:
            self._stream.synchronize()
        except cuda.Error as error:
            raise BackendError(f"the GPU failed to run the network: {error}") from error

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture the work that `work` queues as a CUDA graph; pycuda cannot, so this calls the driver."""
        driver = ctypes.CDLL(LIBRARY)
        stream, graph, executable = ctypes.c_void_p(self.stream), ctypes.c_void_p(), ctypes.c_void_p()
        _check("cuStreamBeginCapture", driver.cuStreamBeginCapture_v2(stream, _CAPTURE_THREAD_LOCAL))
        try:
            work()
        finally:
            _check("cuStreamEndCapture", driver.cuStreamEndCapture(stream, ctypes.byref(graph)))
        status = driver.cuGraphInstantiateWithFlags(ctypes.byref(executable), graph, ctypes.c_ulonglong(0))
        _check("cuGraphInstantiate", status)
        _check("cuGraphDestroy", driver.cuGraphDestroy(graph))
        return lambda: _check("cuGraphLaunch", driver.cuGraphLaunch(executable, stream))


def _check(function: str, status: int) -> None:
    if status:
        raise BackendError(f"{function} returned error {status} (CUresult in the documentation of the CUDA driver API)")
