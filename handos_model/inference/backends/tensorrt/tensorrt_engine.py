"""Runs the network in TensorRT: memory is allocated once, and each image is one launch of a CUDA graph."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from handos_model.architecture.contract import INPUT_NAME, OUTPUT_NAMES, NetworkOutput, NetworkProperties
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.engine import BackendError, cache_folder
from handos_model.inference.backends.static_shapes import read_with_static_shape
from handos_model.inference.backends.tensorrt.builder import Precision, build_engine
from handos_model.inference.backends.tensorrt.cuda_device import Buffer, CudaDevice
from handos_model.inference.backends.tensorrt.cuda_libraries import open_cuda_device
from handos_model.inference.backends.tensorrt.engine_store import EngineIdentity, EngineStore, StoredEngine, sha256_of
from handos_model.inference.backends.tensorrt.library import Target, TensorRTLibrary, target_of
from handos_model.inference.backends.tensorrt.log import create_log
from handos_model.inference.backends.tensorrt.runtime_cache import RuntimeCache

_LOGGER = logging.getLogger(__name__)

_DTYPES: Final = {"UINT8": np.uint8, "FLOAT": np.float32}


class UnreadableEngineError(BackendError):
    """TensorRT cannot deserialize an engine, which has to be built again."""


class TensorRTEngine:
    """A HandOS network in TensorRT. May be called from any thread, but not from several at once.

    Parameters
    ----------
    stored
        The serialized engine and its file.
    properties
        Metadata of the network.
    precision
        Of the engine, for the description.
    library
        The TensorRT that built it.
    device
        The GPU.

    Raises
    ------
    BackendError
        If TensorRT cannot load or run it on this GPU.
    """

    def __init__(
        self,
        stored: StoredEngine,
        properties: NetworkProperties,
        precision: Precision,
        library: TensorRTLibrary,
        device: CudaDevice,
    ) -> None:
        self.properties = properties
        self._device = device
        self._log = create_log(library)
        with device.active():
            self._runtime = self._log.create("runtime", library.trt.Runtime, self._log)
            self._engine = self._log.create(
                "engine", self._runtime.deserialize_cuda_engine, stored.plan, failure=UnreadableEngineError
            )
            cache = RuntimeCache(self._engine, stored.runtime_cache) if library.has_runtime_cache else None
            options = () if cache is None else (cache.config,)
            self._context = self._log.create("execution context", self._engine.create_execution_context, *options)
            self._cache = cache  # it has to outlive the context
            self._buffers = {name: self._bind(name) for name in self._tensor_names()}
            self._launch = self._capture_graph()
            if cache is not None:
                cache.write()
        self.description = (
            f"{library} in {precision} on {device.name} (compute capability "
            f"{device.compute_capability}, {device.library})"
        )

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        with self._device.active():
            np.copyto(self._buffers[INPUT_NAME].host, network_input)
            self._launch()
            self._device.synchronize()
        # Copies, because the next image overwrites this memory.
        return NetworkOutput(*(self._buffers[name].host.copy() for name in OUTPUT_NAMES))

    def _tensor_names(self) -> list[str]:
        names = [str(self._engine.get_tensor_name(index)) for index in range(self._engine.num_io_tensors)]
        missing = {INPUT_NAME, *OUTPUT_NAMES} - set(names)
        if missing:
            raise BackendError(f"the TensorRT engine lacks the tensors {', '.join(sorted(missing))}: build it again")
        return names

    def _bind(self, name: str) -> Buffer:
        shape, dtype = tuple(self._engine.get_tensor_shape(name)), self._engine.get_tensor_dtype(name)
        if dtype.name not in _DTYPES or min(shape, default=1) < 1:
            raise BackendError(
                f"the TensorRT engine's tensor {name} is {dtype} {shape}, unlike any of a HandOS network: export the "
                "network with `handos export`"
            )
        buffer = self._device.buffer(shape, _DTYPES[dtype.name])
        if not self._context.set_tensor_address(name, buffer.address):
            raise BackendError(f"TensorRT rejects the memory of tensor {name} {shape}: {self._log.pop_errors()}")
        return buffer

    def _capture_graph(self) -> Callable[[], None]:
        """Run once, for lazy initialisation, then capture the same work as a CUDA graph, if possible."""
        self._enqueue()
        self._device.synchronize()
        try:
            return self._device.capture(self._enqueue)
        except BackendError as error:
            _LOGGER.warning("the network runs without a CUDA graph, slightly slower: %s", error)
            return self._enqueue

    def _enqueue(self) -> None:
        self._device.upload(self._buffers[INPUT_NAME])
        if not self._context.execute_async_v3(self._device.stream):
            raise BackendError(
                f"TensorRT cannot compute {', '.join(OUTPUT_NAMES)} from {INPUT_NAME}: {self._log.pop_errors()}"
            )
        for name in OUTPUT_NAMES:
            self._device.download(self._buffers[name])


def load_tensorrt_engine(
    weights: Path, properties: NetworkProperties, size: InputSize, precision: Precision
) -> TensorRTEngine:
    """Load the engine of an ONNX file for an input size, and build it first if it is not in the store.

    Raises
    ------
    FileNotFoundError, WeightsError
        If the weights cannot be used.
    BackendError
        If TensorRT or the GPU cannot run them.
    """
    device, store = open_cuda_device(), engine_store()
    target = target_of(device)
    with device.active():
        stored = build_stored_engine(weights, properties, size, precision, target, store)
        try:
            return TensorRTEngine(stored, properties, precision, target.library, device)
        except UnreadableEngineError as error:
            # The sidecar does not tell whether TensorRT still accepts the engine, for example with another driver.
            _LOGGER.warning("%s is built again: %s", stored.path, error)
            store.discard(stored)
            stored = build_stored_engine(weights, properties, size, precision, target, store)
            return TensorRTEngine(stored, properties, precision, target.library, device)


def engine_store() -> EngineStore:
    """The store of this user's engines."""
    return EngineStore(cache_folder() / "tensorrt")


def build_stored_engine(
    weights: Path,
    properties: NetworkProperties,
    size: InputSize,
    precision: Precision,
    target: Target,
    store: EngineStore,
    workspace: int | None = None,
) -> StoredEngine:
    """Get the engine of an ONNX file from the store, and build it first if it is not there.

    Parameters
    ----------
    weights, properties
        ONNX file of the network, and its metadata.
    size, precision, target, workspace
        As for `build_engine`; `size` is one of the network's input sizes.
    store
        Where to keep the engine.
    """
    identity = EngineIdentity(
        onnx_sha256=sha256_of(weights),
        precision=precision,
        profile=f"{INPUT_NAME}=1x{size.height}x{size.width}x3" + _hands_in_profile(properties),
        library=target.library.name,
        tensorrt=target.library.version,
        gpu=target.gpu,
        compute_capability=target.compute_capability,
    )

    def build(timing_cache: Path) -> bytes:
        network = read_with_static_shape(weights, properties.input_sizes, size, properties.max_hands)
        return build_engine(target, weights, network, precision, timing_cache, workspace)

    return store.get(identity, properties, build)


def _hands_in_profile(properties: NetworkProperties) -> str:
    return "" if properties.max_hands is None else f",hands={properties.max_hands}"
