"""`CudaDevice` through NVIDIA's cuda.bindings, which has wheels for every platform."""

import ctypes
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cuda.bindings
import numpy as np
import numpy.typing as npt
from cuda.bindings import driver

from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.tensorrt.cuda_device import Buffer, out_of_memory


class CudaBindingsDevice:
    """See `CudaDevice`.

    Raises
    ------
    BackendError
        If there is no driver or no GPU.
    """

    def __init__(self) -> None:
        try:
            _call(driver.cuInit, 0)
        except RuntimeError as error:  # libcuda is missing
            raise BackendError(f"the NVIDIA driver cannot be used: {error}") from error
        self._device = _call(driver.cuDeviceGet, 0)
        self._context = _call(driver.cuDevicePrimaryCtxRetain, self._device)
        self.name = _call(driver.cuDeviceGetName, 256, self._device).split(b"\0")[0].decode()
        attribute = driver.CUdevice_attribute
        major, minor, self._shares_memory = (
            _call(driver.cuDeviceGetAttribute, which, self._device)
            for which in (
                attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
                attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
                attribute.CU_DEVICE_ATTRIBUTE_INTEGRATED,
            )
        )
        self.compute_capability = f"{major}.{minor}"
        self.library = f"cuda.bindings {cuda.bindings.__version__}"
        with self.active():
            self._stream = _call(driver.cuStreamCreate, driver.CUstream_flags.CU_STREAM_NON_BLOCKING)
        self.stream = int(self._stream)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make the primary context current in this thread."""
        _call(driver.cuCtxPushCurrent, self._context)
        try:
            yield
        finally:
            _call(driver.cuCtxPopCurrent)

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """Allocate host and device memory of a tensor."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        try:
            pointer = int(_call(driver.cuMemHostAlloc, size, driver.CU_MEMHOSTALLOC_DEVICEMAP))
            # All arrays on this memory keep `owner` alive; its finalizer frees the memory.
            owner = (ctypes.c_uint8 * size).from_address(pointer)
            weakref.finalize(owner, self._free, driver.cuMemFreeHost, pointer)
            host = np.ctypeslib.as_array(owner).view(dtype).reshape(shape)
            if self._shares_memory:
                return Buffer(host, int(_call(driver.cuMemHostGetDevicePointer, pointer, 0)))
            address = int(_call(driver.cuMemAlloc, size))
        except BackendError as error:
            raise out_of_memory(shape, dtype, error) from error
        weakref.finalize(host, self._free, driver.cuMemFree, address)
        return Buffer(host, address)

    def upload(self, buffer: Buffer) -> None:
        """Queue the copy from host to device."""
        if not self._shares_memory:
            _call(driver.cuMemcpyHtoDAsync, buffer.address, buffer.host.ctypes.data, buffer.host.nbytes, self._stream)

    def download(self, buffer: Buffer) -> None:
        """Queue the copy from device to host."""
        if not self._shares_memory:
            _call(driver.cuMemcpyDtoHAsync, buffer.host.ctypes.data, buffer.address, buffer.host.nbytes, self._stream)

    def synchronize(self) -> None:
        """Wait for the stream."""
        _call(driver.cuStreamSynchronize, self._stream)

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture the work that `work` queues as a CUDA graph."""
        # Thread-local: GPU calls of other threads do not invalidate the capture.
        _call(driver.cuStreamBeginCapture, self._stream, driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
        try:
            work()
        finally:
            graph = _call(driver.cuStreamEndCapture, self._stream)
        executable = _call(driver.cuGraphInstantiate, graph, 0)
        _call(driver.cuGraphDestroy, graph)
        return lambda: _call(driver.cuGraphLaunch, executable, self._stream)

    def _free(self, function: Callable[..., tuple[Any, ...]], pointer: int) -> None:
        with self.active():
            _call(function, pointer)


def _call(function: Callable[..., tuple[Any, ...]], *arguments: object) -> Any:
    """Call a driver function and return its result without the status.

    Raises
    ------
    BackendError
        If the status is not success.
    """
    status, *results = function(*arguments)
    if status != driver.CUresult.CUDA_SUCCESS:
        raise BackendError(f"{function.__name__} returned {status.name}")
    return results[0] if results else None
