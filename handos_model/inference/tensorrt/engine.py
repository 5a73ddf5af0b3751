"""The network run by TensorRT: fixed memory, one stream, and after the first picture one CUDA graph per picture."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorrt as trt

from handos_model.inference.cache_folder import cache_folder
from handos_model.inference.engine import OUTPUT_NAMES, BackendError, EngineOutput, NetworkProperties
from handos_model.inference.fixed_sides import read_with_fixed_sides
from handos_model.inference.input_size import InputSize
from handos_model.inference.tensorrt.building import Precision, build_engine
from handos_model.inference.tensorrt.cuda_device import Buffer, CudaDevice, open_cuda_device
from handos_model.inference.tensorrt.log import TensorRTLog
from handos_model.inference.tensorrt.store import EngineIdentity, EngineStore, StoredEngine, sha256_of
from handos_model.io.frame import ImageArray

INPUT_NAME: Final[str] = "image"

_LOGGER = logging.getLogger(__name__)


_ELEMENTS: Final = {trt.DataType.UINT8: np.uint8, trt.DataType.FLOAT: np.float32}


class UnreadableEngineError(BackendError):
    """TensorRT does not take a serialized engine; one that is built anew helps."""


class TensorRTEngine:
    """A HandOS network in TensorRT. May be called from any thread, from one at a time.

    Parameters
    ----------
    plan
        The serialized engine.
    properties
        What the network says about itself.
    precision
        Of the engine, for the description.
    device
        The GPU.

    Raises
    ------
    BackendError
        If TensorRT or the GPU does not take it.
    """

    def __init__(self, plan: bytes, properties: NetworkProperties, precision: Precision, device: CudaDevice) -> None:
        self.properties = properties
        self._device = device
        self._log = TensorRTLog()
        with device.active():
            self._runtime = self._log.made("runtime", trt.Runtime, self._log)
            self._engine = self._deserialized(plan)
            self._context = self._log.made("execution context", self._engine.create_execution_context)
            self._buffers = {name: self._bind(name) for name in self._tensor_names()}
            self._launch = self._recorded()
        self.description = (
            f"TensorRT {trt.__version__} in {precision} on {device.name} (compute capability "
            f"{device.compute_capability}, {device.library})"
        )

    def __call__(self, network_input: ImageArray) -> EngineOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        with self._device.active():
            np.copyto(self._buffers[INPUT_NAME].host, network_input)
            self._launch()
            self._device.synchronize()
        # Copies: the next picture is written to the same memory.
        return EngineOutput(*(self._buffers[name].host.copy() for name in OUTPUT_NAMES))

    def _deserialized(self, plan: bytes) -> Any:
        try:
            return self._log.made("engine", self._runtime.deserialize_cuda_engine, plan)
        except BackendError as error:
            raise UnreadableEngineError(*error.args) from error

    def _tensor_names(self) -> list[str]:
        names = [str(self._engine.get_tensor_name(index)) for index in range(self._engine.num_io_tensors)]
        missing = {INPUT_NAME, *OUTPUT_NAMES} - set(names)
        if missing:
            raise BackendError(f"the TensorRT engine lacks the tensors {', '.join(sorted(missing))}: build it anew")
        return names

    def _bind(self, name: str) -> Buffer:
        shape, kind = tuple(self._engine.get_tensor_shape(name)), self._engine.get_tensor_dtype(name)
        if kind not in _ELEMENTS or min(shape, default=1) < 1:
            raise BackendError(f"the TensorRT engine's tensor {name} is {kind} {shape}: `handos export` writes no such")
        buffer = self._device.buffer(shape, _ELEMENTS[kind])
        if not self._context.set_tensor_address(name, buffer.address):
            raise BackendError(f"TensorRT refuses memory for the tensor {name} {shape}: {self._log.take_errors()}")
        return buffer

    def _recorded(self) -> Callable[[], None]:
        """Run once, so that everything lazy happens, then record the same work as a graph, if that is possible."""
        self._enqueue()
        self._device.synchronize()
        try:
            return self._device.capture(self._enqueue)
        except BackendError as error:
            _LOGGER.warning("the network runs without a CUDA graph, a little slower: %s", error)
            return self._enqueue

    def _enqueue(self) -> None:
        self._device.upload(self._buffers[INPUT_NAME])
        if not self._context.execute_async_v3(self._device.stream):
            raise BackendError(
                f"TensorRT does not compute {', '.join(OUTPUT_NAMES)} from {INPUT_NAME}: {self._log.take_errors()}"
            )
        for name in OUTPUT_NAMES:
            self._device.download(self._buffers[name])


def load_tensorrt_engine(
    weights: Path, properties: NetworkProperties, size: InputSize, precision: Precision
) -> TensorRTEngine:
    """Load the engine of an ONNX file for inputs of a size, built for this GPU now or before.

    Raises
    ------
    FileNotFoundError, WeightsError
        If the weights cannot be used.
    BackendError
        If TensorRT or the GPU cannot run them.
    """
    device, store = open_cuda_device(), engine_store()
    stored = build_stored_engine(weights, properties, size, precision, device, store)
    try:
        return TensorRTEngine(stored.plan, stored.properties, precision, device)
    except UnreadableEngineError as error:
        # Nothing in the sidecar tells whether TensorRT still takes it, for example after a driver was changed.
        _LOGGER.warning("%s is built again: %s", stored.path, error)
        store.discard(stored)
        stored = build_stored_engine(weights, properties, size, precision, device, store)
        return TensorRTEngine(stored.plan, stored.properties, precision, device)


def engine_store() -> EngineStore:
    """Where this user's engines are kept."""
    return EngineStore(cache_folder() / "tensorrt")


def build_stored_engine(
    weights: Path,
    properties: NetworkProperties,
    size: InputSize,
    precision: Precision,
    device: CudaDevice,
    store: EngineStore,
    workspace: int | None = None,
) -> StoredEngine:
    """Take the engine of an ONNX file from the store, where it is built if need be.

    Parameters
    ----------
    properties
        What the file says about itself.
    size
        Of the inputs.
    workspace
        As for `build_engine`.
    """
    identity = EngineIdentity(
        onnx_sha256=sha256_of(weights),
        precision=precision,
        profile=f"{INPUT_NAME}=1x{size.height}x{size.width}x3",
        tensorrt=trt.__version__,
        gpu=device.name,
        compute_capability=device.compute_capability,
    )

    def build(timing_cache: Path) -> bytes:
        network = read_with_fixed_sides(weights, properties.input_sizes, size)
        with device.active():
            return build_engine(weights, network, precision, timing_cache, workspace)

    return store.get(identity, properties, build)
