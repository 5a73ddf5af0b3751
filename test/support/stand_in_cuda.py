"""Stand-ins for `pycuda`, `cuda.bindings` and the driver: a GPU whose memory is that of the host.

As on a GPU, work on the stream is deferred until it is synchronised, so reading a result too early gives old numbers,
and calls without an active context fail.
"""

import ctypes
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest


class StandInGpu:
    """One GPU with one stream."""

    def __init__(
        self,
        name: str = "Stand-in GPU",
        compute_capability: tuple[int, int] = (8, 7),
        shares_memory: bool = False,
        memory: int = 1 << 30,
    ) -> None:
        self.name = name
        self.compute_capability = compute_capability
        self.shares_memory = shares_memory
        self.free_memory = memory
        self.active_contexts = 0
        self.copies = 0
        self.launched_graphs = 0
        self.captures = True
        self._queue: list[Callable[[], None]] = []
        self._recording: list[Callable[[], None]] | None = None
        self._graphs: dict[int, list[Callable[[], None]]] = {}
        self._memory: dict[int, Any] = {}

    def enqueue(self, work: Callable[[], None]) -> None:
        self.require_context()
        (self._queue if self._recording is None else self._recording).append(work)

    def require_context(self) -> None:
        assert self.active_contexts > 0, "no context is active in this thread"

    def synchronize(self) -> None:
        self.require_context()
        assert self._recording is None, "synchronising is not allowed during a capture"
        queue, self._queue = self._queue, []
        for work in queue:
            work()

    def allocate(self, size: int) -> int | None:
        """Address of `size` bytes, or ``None`` if the memory is too small."""
        self.require_context()
        if size > self.free_memory:
            return None
        self.free_memory -= size
        memory = (ctypes.c_uint8 * size)()
        address = ctypes.addressof(memory)
        self._memory[address] = memory
        return address

    def free(self, address: int) -> None:
        self.require_context()
        self.free_memory += len(self._memory.pop(address))

    def copy(self, target: int, source: int, size: int) -> None:
        self.copies += 1
        self.enqueue(lambda: ctypes.memmove(target, source, size) and None)

    def begin_capture(self) -> bool:
        self._recording = [] if self.captures else None
        return self.captures

    def end_capture(self) -> int:
        assert self._recording is not None
        handle = 1 + len(self._graphs)
        self._graphs[handle], self._recording = self._recording, None
        return handle

    def launch(self, handle: int) -> None:
        self.launched_graphs += 1
        for work in self._graphs[handle]:
            self.enqueue(work)


STREAM = 77
"""Handle of the stream."""


def install_pycuda(gpu: StandInGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a `pycuda` in this process alone, without cuda.bindings, and a libcuda for the functions it lacks."""
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)

    class Error(Exception):
        pass

    class PrimaryContext:
        def push(self) -> None:
            gpu.active_contexts += 1

    class Context:
        @staticmethod
        def pop() -> None:
            gpu.active_contexts -= 1

    class Device:
        def __init__(self, number: int) -> None:
            assert number == 0

        def name(self) -> str:
            return gpu.name

        def compute_capability(self) -> tuple[int, int]:
            return gpu.compute_capability

        def get_attribute(self, attribute: str) -> int:
            return int(gpu.shares_memory)

        def retain_primary_context(self) -> PrimaryContext:
            return PrimaryContext()

    class Stream:
        def __init__(self, flags: int) -> None:
            gpu.require_context()
            assert flags == 1
            self.handle = STREAM

        def synchronize(self) -> None:
            gpu.synchronize()

    class PagelockedHostAllocation:
        def __init__(self, size: int) -> None:
            self.memory = (ctypes.c_uint8 * size)()

        def get_device_pointer(self) -> int:
            return ctypes.addressof(self.memory)

    class Pagelocked(np.ndarray):  # type: ignore[type-arg]
        allocation: PagelockedHostAllocation

        @property
        def base(self) -> PagelockedHostAllocation:  # type: ignore[override]
            return self.allocation

    def pagelocked_empty(shape: Sequence[int], dtype: npt.DTypeLike, order: str = "C", mem_flags: int = 0) -> Any:
        gpu.require_context()
        assert mem_flags == 2
        allocation = PagelockedHostAllocation(int(np.prod(shape)) * np.dtype(dtype).itemsize)
        array = np.frombuffer(allocation.memory, dtype).reshape(shape).view(Pagelocked)
        array.allocation = allocation
        return array

    def mem_alloc(size: int) -> int:
        address = gpu.allocate(size)
        if address is None:
            raise Error("cuMemAlloc failed: out of memory")
        return address

    driver = ModuleType("pycuda.driver")
    members = {
        "init": lambda: None,
        "Error": Error,
        "Context": Context,
        "Device": Device,
        "Stream": Stream,
        "device_attribute": SimpleNamespace(INTEGRATED="integrated"),
        "host_alloc_flags": SimpleNamespace(DEVICEMAP=2),
        "pagelocked_empty": pagelocked_empty,
        "mem_alloc": mem_alloc,
        "memcpy_htod_async": lambda target, source, stream: gpu.copy(target, source.ctypes.data, source.nbytes),
        "memcpy_dtoh_async": lambda target, source, stream: gpu.copy(target.ctypes.data, source, target.nbytes),
    }
    for name, value in members.items():
        setattr(driver, name, value)
    package = _package("pycuda", driver=driver, VERSION_TEXT="stand-in")
    _install(monkeypatch, {"pycuda": package, "pycuda.driver": driver}, "pycuda_device")
    import handos_model.inference.backends.tensorrt.pycuda_device as pycuda_device

    monkeypatch.setattr(pycuda_device.ctypes, "CDLL", lambda name: _libcuda(gpu))


def _libcuda(gpu: StandInGpu) -> SimpleNamespace:
    """The driver's functions for CUDA graphs, as ctypes calls them."""

    def end_capture(stream: ctypes.c_void_p, graph: Any) -> int:
        graph._obj.value = gpu.end_capture()
        return 0

    def instantiate(executable: Any, graph: ctypes.c_void_p, flags: ctypes.c_ulonglong) -> int:
        executable._obj.value = graph.value
        return 0

    def launch(executable: ctypes.c_void_p, stream: ctypes.c_void_p) -> int:
        assert stream.value == STREAM
        gpu.launch(int(executable.value or 0))
        return 0

    return SimpleNamespace(
        cuStreamBeginCapture_v2=lambda stream, mode: 0 if gpu.begin_capture() else 900,
        cuStreamEndCapture=end_capture,
        cuGraphInstantiateWithFlags=instantiate,
        cuGraphDestroy=lambda graph: 0,
        cuGraphLaunch=launch,
    )


class CUresult(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_NO_DEVICE = 100
    CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900


def install_cuda_bindings(
    gpu: StandInGpu, monkeypatch: pytest.MonkeyPatch, init: CUresult = CUresult.CUDA_SUCCESS
) -> None:
    """Install a `cuda.bindings` in this process."""
    success = (CUresult.CUDA_SUCCESS,)

    def push(context: str) -> tuple[CUresult]:
        gpu.active_contexts += 1
        return success

    def pop() -> tuple[CUresult, str]:
        gpu.active_contexts -= 1
        return CUresult.CUDA_SUCCESS, "context"

    def allocate(size: int, flags: int = 0) -> tuple[CUresult, int]:
        address = gpu.allocate(size)
        return (CUresult.CUDA_SUCCESS, address) if address else (CUresult.CUDA_ERROR_OUT_OF_MEMORY, 0)

    def with_gpu(function: Callable[..., None]) -> Callable[..., tuple[CUresult]]:
        def call(*arguments: Any) -> tuple[CUresult]:
            function(*arguments)
            return success

        return call

    def begin_capture(stream: int, mode: str) -> tuple[CUresult]:
        return success if gpu.begin_capture() else (CUresult.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,)

    driver = ModuleType("cuda.bindings.driver")
    functions: dict[str, Callable[..., tuple[Any, ...]]] = {
        "cuInit": lambda flags: (init,),
        "cuDeviceGet": lambda number: (CUresult.CUDA_SUCCESS, number),
        "cuDevicePrimaryCtxRetain": lambda device: (CUresult.CUDA_SUCCESS, "context"),
        "cuDeviceGetName": lambda length, device: (CUresult.CUDA_SUCCESS, gpu.name.encode().ljust(length, b"\0")),
        "cuDeviceGetAttribute": lambda which, device: (CUresult.CUDA_SUCCESS, which),
        "cuStreamCreate": lambda flags: (CUresult.CUDA_SUCCESS, STREAM),
        "cuCtxPushCurrent": push,
        "cuCtxPopCurrent": pop,
        "cuMemHostAlloc": allocate,
        "cuMemAlloc": allocate,
        "cuMemHostGetDevicePointer": lambda pointer, flags: (CUresult.CUDA_SUCCESS, pointer),
        "cuMemFree": with_gpu(gpu.free),
        "cuMemFreeHost": with_gpu(gpu.free),
        "cuMemcpyHtoDAsync": with_gpu(lambda target, source, size, stream: gpu.copy(target, source, size)),
        "cuMemcpyDtoHAsync": with_gpu(lambda target, source, size, stream: gpu.copy(target, source, size)),
        "cuStreamSynchronize": with_gpu(lambda stream: gpu.synchronize()),
        "cuStreamBeginCapture": begin_capture,
        "cuStreamEndCapture": lambda stream: (CUresult.CUDA_SUCCESS, gpu.end_capture()),
        "cuGraphInstantiate": lambda graph, flags: (CUresult.CUDA_SUCCESS, graph),
        "cuGraphDestroy": with_gpu(lambda graph: None),
        "cuGraphLaunch": with_gpu(lambda graph, stream: gpu.launch(graph)),
    }
    for name, function in functions.items():
        function.__name__ = name
        setattr(driver, name, function)
    constants = {
        "CUresult": CUresult,
        "CU_MEMHOSTALLOC_DEVICEMAP": 2,
        "CUstream_flags": SimpleNamespace(CU_STREAM_NON_BLOCKING=1),
        "CUstreamCaptureMode": SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL=1),
        "CUdevice_attribute": SimpleNamespace(
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR=gpu.compute_capability[0],
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR=gpu.compute_capability[1],
            CU_DEVICE_ATTRIBUTE_INTEGRATED=int(gpu.shares_memory),
        ),
    }
    for name, value in constants.items():
        setattr(driver, name, value)
    bindings = _package("cuda.bindings", driver=driver, __version__="stand-in")
    modules = {"cuda": _package("cuda", bindings=bindings), "cuda.bindings": bindings, "cuda.bindings.driver": driver}
    _install(monkeypatch, modules, "cuda_bindings_device")


def _package(name: str, **members: Any) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = []
    for member, value in members.items():
        setattr(package, member, value)
    return package


def _install(monkeypatch: pytest.MonkeyPatch, modules: dict[str, ModuleType], user: str) -> None:
    for name, module in modules.items():
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    # Imported again, so that it uses these modules and not those of an earlier test.
    monkeypatch.delitem(sys.modules, f"handos_model.inference.backends.tensorrt.{user}", raising=False)
