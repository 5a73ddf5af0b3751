"""Builds a TensorRT engine from an ONNX file."""

import logging
import time
from pathlib import Path
from typing import Any, Final, Literal

from handos_model.architecture.contract import REEXPORT, WeightsError
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.tensorrt.cache_files import read_cache, write_cache
from handos_model.inference.backends.tensorrt.library import Target, TensorRTLibrary
from handos_model.inference.backends.tensorrt.log import TensorRTLog, create_log
from handos_model.inference.backends.tensorrt.progress import create_progress_monitor

Precision = Literal["fp16", "fp32"]

_LOGGER = logging.getLogger(__name__)
_PROGRESS_INTERVAL: Final[float] = 5.0
"""Seconds between two log lines."""


def build_engine(
    target: Target,
    onnx_file: Path,
    network: bytes,
    precision: Precision,
    timing_cache: Path,
    workspace: int | None = None,
) -> bytes:
    """Build the engine of a network; with the classic library the GPU's context must be active.

    Parameters
    ----------
    target
        Library to build with, and GPU to build for.
    onnx_file
        File that the network comes from, for messages.
    network
        Serialized ONNX model with static shapes.
    precision
        Of convolutions and matrix products; inputs and outputs are the same in both.
    timing_cache
        File with the measured times of layers, which makes builds of the classic library faster; it is updated.
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
    library = target.library
    log = create_log(library)
    builder = log.create("builder", library.trt.Builder, log)
    definition = builder.create_network(library.network_flags)
    _parse(target, onnx_file, _convert_precision(network, precision), definition, log)
    config = _create_config(builder, target, precision, workspace)
    if library.has_timing_cache:
        _set_timing_cache(config, timing_cache)
    # Those who wait for minutes see the reason even without logging configured.
    level, duration = (logging.INFO, "seconds") if library.is_rtx else (logging.WARNING, "minutes")
    _LOGGER.log(level, "building the engine of %s in %s, once: this takes %s", onnx_file, precision, duration)
    start = time.monotonic()
    plan = _build_serialized(builder, definition, config, library)
    if plan is None:
        errors = log.pop_errors()
        raise BackendError(
            f"{library} cannot build an engine of {onnx_file} in {precision} for "
            f"{target.architecture}: {errors}{_memory_remedy(workspace) if 'memory' in errors.lower() else ''}"
        )
    _LOGGER.info("built the engine for %s in %.0f s", target.architecture, time.monotonic() - start)
    if library.has_timing_cache:
        write_cache(timing_cache, bytes(config.get_timing_cache().serialize()))
    return bytes(plan)


def _build_serialized(builder: Any, definition: Any, config: Any, library: TensorRTLibrary) -> Any:
    monitor = create_progress_monitor(library.trt, _PROGRESS_INTERVAL) if library.reports_progress else None
    if monitor is not None:
        # The config holds no reference to it: `monitor` has to live until the build ends.
        config.progress_monitor = monitor
    return builder.build_serialized_network(definition, config)


def _create_config(builder: Any, target: Target, precision: Precision, workspace: int | None) -> Any:
    trt = target.library.trt
    config = builder.create_builder_config()
    target.configure(config)
    if workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    if precision == "fp32":
        # TF32 keeps only 10 of the 23 mantissa bits.
        config.clear_flag(trt.BuilderFlag.TF32)
    elif not target.library.is_strongly_typed:
        config.set_flag(trt.BuilderFlag.FP16)
    return config


def _set_timing_cache(config: Any, path: Path) -> None:
    stored = config.create_timing_cache(read_cache(path))
    # TensorRT rejects caches that are damaged, or of another version or GPU.
    if not stored or not config.set_timing_cache(stored, ignore_mismatch=False):
        _LOGGER.warning("TensorRT rejects the timing cache %s, so it starts with an empty one", path)
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)


def _memory_remedy(workspace: int | None) -> str:
    if workspace is not None:
        return f". Raise the limit of {workspace >> 20} MiB with `handos build-engine --workspace`"
    return ". Stop other programs that use the memory, or limit it with `handos build-engine --workspace`"


def _parse(target: Target, onnx_file: Path, network: bytes, definition: Any, log: TensorRTLog) -> None:
    library = target.library
    parser = library.trt.OnnxParser(definition, log)
    # An empty file parses, as a network without outputs.
    if parser.parse(network) and definition.num_outputs:
        return
    errors = " ".join(str(parser.get_error(index)) for index in range(parser.num_errors)).split()
    raise WeightsError(
        f"weights file {onnx_file}: {library} cannot read the network "
        f"({' '.join(errors) or 'it has no outputs'}): {REEXPORT}"
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
