"""Stand-ins for executing engines in TensorRT, which needs an NVIDIA GPU, and for what is special to old versions.

"Building" stores the ONNX file, and "executing" runs it in ONNX Runtime on the memory at the addresses that were set.
Parsing and building are tested with the real TensorRT for RTX, in `test_tensorrt_rtx.py`. `test_tensorrt_bindings.py`
checks that all members of the stand-ins exist in the real bindings of the same version.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import ModuleType
from typing import Any, Final

import numpy as np
import onnxruntime

RTX_VERSION: Final = "1.7.1.116"
VERSIONS: Final = ("8.6.2", "10.13.3.9", "11.4.0.106", RTX_VERSION)

_MAGIC: Final = b"stand-in engine"
_MAGIC_TIMING: Final = b"stand-in timing cache"
_KERNELS: Final = b"stand-in kernels"


@dataclass
class Faults:
    """Error messages of the steps that are to fail."""

    timing_cache: str | None = None
    runtime: str | None = None
    deserialize: str | None = None
    context: str | None = None
    address: str | None = None
    execute: str | None = None


@dataclass
class Record:
    """Calls of the stand-in."""

    builds: int = 0
    executions: int = 0
    flags: int = 0
    workspace: int | None = None
    timing_cache: bytes | None = None
    targets: list[str] = field(default_factory=list)
    loaded_kernels: bytes | None = None
    set_builder_flags: list[str] = field(default_factory=list)
    onnx: bytes = b""


class Severity(IntEnum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    VERBOSE = 4


class DataType(Enum):
    UINT8 = "tensor(uint8)"
    FLOAT = "tensor(float)"
    INT64 = "tensor(int64)"


def make_stand_in(version: str, enqueue: Callable[[Callable[[], None]], None]) -> ModuleType:
    """Create the module of a version.

    Parameters
    ----------
    version
        One of `VERSIONS`.
    enqueue
        Queues work on the stream of the CUDA stand-in.
    """
    major = int(version.split(".")[0])
    is_rtx = version == RTX_VERSION
    module = ModuleType("tensorrt_rtx_bindings" if is_rtx else "tensorrt")
    faults, record = Faults(), Record()

    class ILogger:
        Severity = Severity

        def log(self, severity: Severity, message: str) -> None:
            raise NotImplementedError

    class NetworkFlag86(IntEnum):
        EXPLICIT_BATCH = 0

    class NetworkFlag10(IntEnum):
        EXPLICIT_BATCH = 0
        STRONGLY_TYPED = 1

    class NetworkFlag11(IntEnum):
        STRONGLY_TYPED = 1

    class ComputeCapability(IntEnum):
        SM86 = 86
        SM89 = 89
        SM120 = 120

    class BuilderFlag10(IntEnum):
        FP16 = 0
        TF32 = 7

    class BuilderFlag11(IntEnum):
        TF32 = 4

    class BuilderFlagRtx(IntEnum):
        TF32 = 4
        REQUIRE_USER_ALLOCATION = 20

    class MemoryPoolType(IntEnum):
        WORKSPACE = 0

    class ITimingCache:
        def __init__(self, content: bytes) -> None:
            assert not content or content.startswith(_MAGIC_TIMING)
            self._content = content or _MAGIC_TIMING

        def serialize(self) -> bytes:
            return self._content + b"+"

    class IBuilderConfig:
        def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
            record.workspace = pool_size

        def set_flag(self, flag: IntEnum) -> None:
            record.set_builder_flags.append(flag.name)

        def clear_flag(self, flag: IntEnum) -> None:
            record.set_builder_flags.append(f"no {flag.name}")

        def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache:
            record.timing_cache = serialized_timing_cache
            return ITimingCache(serialized_timing_cache)

        def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
            if faults.timing_cache and record.timing_cache:
                return False
            self._cache = cache
            return True

        def get_timing_cache(self) -> ITimingCache:
            return self._cache

    class IRtxBuilderConfig(IBuilderConfig):
        num_compute_capabilities = 0
        create_timing_cache = set_timing_cache = get_timing_cache = None  # type: ignore[assignment]

        def set_compute_capability(self, compute_capability: ComputeCapability, index: int) -> bool:
            assert index < self.num_compute_capabilities
            record.targets.append(compute_capability.name)
            return True

    class INetworkDefinition:
        model: bytes = b""
        num_outputs = 1

    class OnnxParser:
        def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
            self._network = network

        def parse(self, model: bytes) -> bool:
            self._network.model = record.onnx = model
            return True

    class Builder:
        def __init__(self, logger: ILogger) -> None:
            assert isinstance(logger, ILogger)

        def create_network(self, flags: int = 0) -> INetworkDefinition:
            record.flags = flags
            return INetworkDefinition()

        def create_builder_config(self) -> IBuilderConfig:
            return IRtxBuilderConfig() if is_rtx else IBuilderConfig()

        def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> bytes:
            record.builds += 1
            return _MAGIC + version.encode() + b"\0" + network.model

    class Runtime:
        def __init__(self, logger: ILogger) -> None:
            if faults.runtime:
                logger.log(Severity.ERROR, faults.runtime)
                raise TypeError("pybind11::init(): factory function returned nullptr")
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine: bytes) -> Any:
            head = _MAGIC + version.encode() + b"\0"
            if faults.deserialize or not serialized_engine.startswith(head):
                self._logger.log(Severity.ERROR, faults.deserialize or "Serialization assertion failed: magic tag")
                return None
            return (IRtxCudaEngine if is_rtx else ICudaEngine)(serialized_engine[len(head) :], self._logger)

    class ICudaEngine:
        def __init__(self, model: bytes, logger: ILogger) -> None:
            self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
            self._logger = logger
            self._tensors = [*self._session.get_inputs(), *self._session.get_outputs()]

        def _tensor(self, name: str) -> Any:
            return next(tensor for tensor in self._tensors if tensor.name == name)

        @property
        def num_io_tensors(self) -> int:
            return len(self._tensors)

        def get_tensor_name(self, index: int) -> str:
            return str(self._tensors[index].name)

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            return tuple(size if isinstance(size, int) else -1 for size in self._tensor(name).shape)

        def get_tensor_dtype(self, name: str) -> DataType:
            return DataType(self._tensor(name).type)

        def create_execution_context(self, runtime_config: Any = None) -> Any:
            assert (runtime_config is not None) == is_rtx
            if faults.context:
                self._logger.log(Severity.ERROR, faults.context)
                return None
            return IExecutionContext(self)

    class IRuntimeCache:
        def deserialize(self, blob: bytes) -> bool:
            record.loaded_kernels = blob if blob == _KERNELS else None
            return blob == _KERNELS

        def serialize(self) -> bytes:
            return _KERNELS

    class IRuntimeConfig:
        def create_runtime_cache(self) -> IRuntimeCache:
            return IRuntimeCache()

        def set_runtime_cache(self, cache: IRuntimeCache) -> bool:
            return True

    class IRtxCudaEngine(ICudaEngine):
        def create_runtime_config(self) -> IRuntimeConfig:
            return IRuntimeConfig()

    class IExecutionContext:
        def __init__(self, engine: ICudaEngine) -> None:
            self._engine = engine
            self._arrays: dict[str, Any] = {}

        def set_tensor_address(self, name: str, memory: int) -> bool:
            if faults.address == name:
                self._engine._logger.log(Severity.ERROR, "address is not aligned")
                return False
            shape = self._engine.get_tensor_shape(name)
            dtype = np.uint8 if self._engine.get_tensor_dtype(name) is DataType.UINT8 else np.float32
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            buffer = (ctypes.c_uint8 * size).from_address(memory)
            self._arrays[name] = np.frombuffer(buffer, dtype).reshape(shape)
            return True

        def execute_async_v3(self, stream_handle: int) -> bool:
            assert stream_handle
            if faults.execute:
                self._engine._logger.log(Severity.ERROR, faults.execute)
                return False
            enqueue(self._run)
            return True

        def _run(self) -> None:
            record.executions += 1
            session = self._engine._session
            inputs = {entry.name: self._arrays[entry.name].copy() for entry in session.get_inputs()}
            names = [entry.name for entry in session.get_outputs()]
            for name, value in zip(names, session.run(names, inputs), strict=True):
                self._arrays[name][...] = value

    members = {
        "__version__": version,
        "NetworkDefinitionCreationFlag": {8: NetworkFlag86, 10: NetworkFlag10}.get(major, NetworkFlag11),
        "BuilderFlag": BuilderFlagRtx if is_rtx else BuilderFlag11 if major > 10 else BuilderFlag10,
        "DataType": DataType,
        "MemoryPoolType": MemoryPoolType,
    }
    kinds: list[type] = [ILogger, Builder, INetworkDefinition, OnnxParser, Runtime, IExecutionContext]
    if is_rtx:
        kinds += [ComputeCapability, IRuntimeConfig, IRuntimeCache]
        members |= {"IBuilderConfig": IRtxBuilderConfig, "ICudaEngine": IRtxCudaEngine}
    else:
        kinds += [ITimingCache, IBuilderConfig, ICudaEngine]
    members |= {kind.__name__: kind for kind in kinds}
    for name, value in members.items():
        setattr(module, name, value)
    module.stand_in_faults = faults  # type: ignore[attr-defined]
    module.stand_in_record = record  # type: ignore[attr-defined]
    return module
