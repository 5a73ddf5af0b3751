"""Builds a TensorRT engine from an ONNX file for this machine's GPU.

TensorRT versions are distinguished by the attributes that they have.
"""

import logging
import time
from pathlib import Path
from typing import Any, Final, Literal

import tensorrt as trt

from handos_model.architecture.contract import REEXPORT, WeightsError
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.private_files import read_private_file, write_private_file
from handos_model.inference.backends.tensorrt.log import TensorRTLog

Precision = Literal["fp16", "fp32"]

_LOGGER = logging.getLogger(__name__)
_PROGRESS_INTERVAL: Final[float] = 5.0
"""Seconds between two log lines."""


def build_engine(
    onnx_file: Path, network: bytes, precision: Precision, timing_cache: Path, workspace: int | None = None
) -> bytes:
    """Build the engine of a network; takes minutes. The GPU's context must be active.

    Parameters
    ----------
    onnx_file
        File that the network comes from, for messages.
    network
        Serialized ONNX model with static shapes.
    precision
        Of convolutions and matrix products; inputs and outputs are the same in both.
    timing_cache
        File with the measured times of layers, which makes builds faster; it is updated.
    workspace
        Maximum bytes of GPU memory for a layer's workspace; ``None``: TensorRT's default.

    Returns
    -------
    bytes
        The serialized engine.

    Raises
    ------
    WeightsError
        If TensorRT cannot read the network, or its weights exceed half precision.
    BackendError
        If TensorRT cannot build the engine on this machine.
    """
    log = TensorRTLog()
    builder = log.create("builder", trt.Builder, log)
    definition = builder.create_network(_network_flags())
    _parse(onnx_file, _convert_precision(network, precision), definition, log)
    config = _create_config(builder, precision, timing_cache, workspace)
    monitor = _monitor_progress(config)
    # A warning, so that users who wait for minutes see the reason even without logging configured.
    _LOGGER.warning("building the TensorRT engine of %s in %s, once: this takes minutes", onnx_file, precision)
    start = time.monotonic()
    plan = builder.build_serialized_network(definition, config)
    del monitor  # the config holds no reference to it
    if plan is None:
        raise BackendError(
            f"TensorRT {trt.__version__} cannot build an engine of {onnx_file}: {log.pop_errors()}. If memory is "
            "short, stop other programs that use the GPU, or set a limit with `handos build-engine --workspace`"
        )
    _LOGGER.info("built the TensorRT engine in %.0f s", time.monotonic() - start)
    _write_timing_cache(config, timing_cache)
    return bytes(plan)


def _network_flags() -> int:
    flags = trt.NetworkDefinitionCreationFlag
    # Strongly typed: layers have the precision of the graph, the only option from version 11 on.
    flag = flags.STRONGLY_TYPED if hasattr(flags, "STRONGLY_TYPED") else flags.EXPLICIT_BATCH
    return 1 << int(flag)


def _create_config(builder: Any, precision: Precision, timing_cache: Path, workspace: int | None) -> Any:
    config = builder.create_builder_config()
    if workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    _set_precision_flags(config, precision)
    _set_timing_cache(config, timing_cache)
    return config


def _set_timing_cache(config: Any, path: Path) -> None:
    stored = config.create_timing_cache(_read_timing_cache(path))
    # TensorRT rejects caches that are damaged, or of another version or GPU.
    if not stored or not config.set_timing_cache(stored, ignore_mismatch=False):
        _LOGGER.warning("TensorRT rejects the timing cache %s, so it starts with an empty one", path)
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)


def _read_timing_cache(path: Path) -> bytes:
    try:
        return read_private_file(path)
    except FileNotFoundError:
        return b""
    except OSError as error:
        _LOGGER.warning("the timing cache %s is not used: %s", path, error)
        return b""


def _write_timing_cache(config: Any, path: Path) -> None:
    """Store what the build has measured. Of two builds at the same time, the last one's cache remains."""
    try:
        write_private_file(path, bytes(config.get_timing_cache().serialize()))
    except OSError as error:
        # It only makes builds faster; the engine is worth more.
        _LOGGER.warning("the timing cache %s cannot be written, so the next build is not faster: %s", path, error)


def _set_precision_flags(config: Any, precision: Precision) -> None:
    if precision == "fp32":
        # TF32 keeps only 10 of the 23 mantissa bits.
        config.clear_flag(trt.BuilderFlag.TF32)
    elif not hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED"):
        config.set_flag(trt.BuilderFlag.FP16)


def _parse(onnx_file: Path, network: bytes, definition: Any, log: TensorRTLog) -> None:
    parser = trt.OnnxParser(definition, log)
    if parser.parse(network):
        return
    errors = "; ".join(str(parser.get_error(index).desc()) for index in range(parser.num_errors))
    raise WeightsError(
        f"weights file {onnx_file}: TensorRT {trt.__version__} cannot read the network ({errors}): {REEXPORT}"
    )


def _convert_precision(network: bytes, precision: Precision) -> bytes:
    if precision == "fp32":
        return network
    try:
        import onnx
    except ImportError as error:
        raise BackendError(
            "half precision needs the Python package onnx: `pip install onnx`, or use the backend tensorrt-fp32"
        ) from error
    from handos_model.inference.backends.tensorrt.half_precision import convert_to_half_precision

    return convert_to_half_precision(onnx.load_from_string(network)).SerializeToString()


def _monitor_progress(config: Any) -> object:
    """Log the builder's progress, if this version of TensorRT reports it; the result must outlive the build."""
    if not hasattr(trt, "IProgressMonitor"):
        return None
    from handos_model.inference.backends.tensorrt.progress import BuildProgress

    config.progress_monitor = BuildProgress(_PROGRESS_INTERVAL)
    return config.progress_monitor
