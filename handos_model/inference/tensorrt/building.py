"""From an ONNX file to a TensorRT engine for the GPU of this machine. Versions are told apart by what they offer."""

import logging
import time
from pathlib import Path
from typing import Any, Final, Literal

import tensorrt as trt

from handos_model.inference.engine import REMEDY, BackendError, WeightsError
from handos_model.inference.tensorrt.log import TensorRTLog

Precision = Literal["fp16", "fp32"]

_LOGGER = logging.getLogger(__name__)
_SECONDS_BETWEEN_REPORTS: Final[float] = 5.0


def build_engine(
    onnx_file: Path, network: bytes, precision: Precision, timing_cache: Path, workspace: int | None = None
) -> bytes:
    """Compile a network; takes minutes. The GPU's context must be active.

    Parameters
    ----------
    onnx_file
        Where the network is from, for messages.
    network
        Its ONNX file's content, for inputs of one size.
    precision
        Of the heavy operators; inputs and outputs are the same in both.
    timing_cache
        File with the measured times of layers, which spares measuring them again; it is brought up to date.
    workspace
        Most bytes of GPU memory that a layer may take for itself; ``None`` leaves it to TensorRT.

    Raises
    ------
    WeightsError
        If TensorRT cannot read the network, or half precision cannot hold its weights.
    BackendError
        If TensorRT cannot build an engine of it here.
    """
    log = TensorRTLog()
    builder = log.made("builder", trt.Builder, log)
    definition = builder.create_network(_network_flags())
    _parse(onnx_file, _in_precision(network, precision), definition, log)
    config = builder.create_builder_config()
    if workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    _choose_arithmetic(config, precision)
    cache = config.create_timing_cache(timing_cache.read_bytes() if timing_cache.is_file() else b"")
    config.set_timing_cache(cache, ignore_mismatch=False)
    # The configuration does not keep its monitor alive.
    monitor = _watch(config)
    # A warning, so that whoever waits for minutes sees why even where nothing is set up for logging.
    _LOGGER.warning("building the TensorRT engine of %s in %s, once: this takes minutes", onnx_file, precision)
    start = time.monotonic()
    plan = builder.build_serialized_network(definition, config)
    del monitor
    if plan is None:
        raise BackendError(
            f"TensorRT {trt.__version__} cannot build an engine of {onnx_file}. It says: {log.take_errors()}. If "
            "memory is short, end other programs that use the GPU, or limit it with `handos build-engine --workspace`"
        )
    _LOGGER.info("built the TensorRT engine in %.0f s", time.monotonic() - start)
    _write_aside(timing_cache, bytes(config.get_timing_cache().serialize()))
    return bytes(plan)


def _network_flags() -> int:
    flags = trt.NetworkDefinitionCreationFlag
    # Where both exist, the precision of every layer is taken from the graph, which is the only way from 11 on.
    chosen = flags.STRONGLY_TYPED if hasattr(flags, "STRONGLY_TYPED") else flags.EXPLICIT_BATCH
    return 1 << int(chosen)


def _choose_arithmetic(config: Any, precision: Precision) -> None:
    if precision == "fp32":
        # TF32 keeps 10 of the 23 bits of the mantissa.
        config.clear_flag(trt.BuilderFlag.TF32)
    elif not hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED"):
        config.set_flag(trt.BuilderFlag.FP16)


def _parse(onnx_file: Path, network: bytes, definition: Any, log: TensorRTLog) -> None:
    parser = trt.OnnxParser(definition, log)
    if parser.parse(network):
        return
    problems = "; ".join(str(parser.get_error(index).desc()) for index in range(parser.num_errors))
    raise WeightsError(
        f"weights file {onnx_file}: TensorRT {trt.__version__} cannot read the network: {REMEDY}. It says: {problems}"
    )


def _in_precision(network: bytes, precision: Precision) -> bytes:
    if precision == "fp32":
        return network
    try:
        import onnx
    except ImportError as error:
        raise BackendError(
            "half precision needs the Python package onnx: `pip install onnx`, or use the backend tensorrt-fp32"
        ) from error
    from handos_model.inference.tensorrt.half_precision import with_half_precision

    return with_half_precision(onnx.load_from_string(network)).SerializeToString()


def _watch(config: Any) -> object:
    """Let the builder report its progress, if this version of TensorRT can."""
    if not hasattr(trt, "IProgressMonitor"):
        return None
    from handos_model.inference.tensorrt.progress import BuildProgress

    config.progress_monitor = BuildProgress(_SECONDS_BETWEEN_REPORTS)
    return config.progress_monitor


def _write_aside(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)
