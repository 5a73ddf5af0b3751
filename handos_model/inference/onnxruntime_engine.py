"""The network in ONNX Runtime: on the CPU, where it needs nothing else, or on a GPU through one of its providers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import onnxruntime  # type: ignore[import-untyped]

from handos_model.inference.cache_folder import cache_folder
from handos_model.inference.engine import (
    OUTPUT_NAMES,
    REMEDY,
    BackendError,
    EngineOutput,
    NetworkProperties,
    WeightsError,
)
from handos_model.inference.fixed_sides import fix_sides
from handos_model.inference.input_size import InputSize, InputSizes
from handos_model.io.frame import ImageArray

Provider = Literal["CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"]

_DEVICES: Final[Mapping[Provider, str]] = {
    "CPUExecutionProvider": "CPU",
    "CUDAExecutionProvider": "GPU by CUDA",
    "TensorrtExecutionProvider": "GPU by TensorRT",
}

_SPIN_MICROSECONDS: Final = "50"
"""Longer than most operators take to hand over to the next, shorter than anybody waits for a core."""
_BOUNDS_SPINNING: Final = (1, 31)
"""The version of ONNX Runtime that spinning is known to end in after this time; others would go on."""


class OnnxRuntimeEngine:
    """A HandOS network from an ONNX file.

    Parameters
    ----------
    path
        ONNX file written by `handos export`.
    provider
        What of ONNX Runtime computes.
    size
        Of the inputs, where the provider wants to know it; ``None`` takes inputs of any size.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    WeightsError
        If it is damaged or no HandOS network.
    BackendError
        If the provider does not start; ONNX Runtime alone would go on with the CPU.
    """

    def __init__(self, path: Path, provider: Provider = "CPUExecutionProvider", size: InputSize | None = None) -> None:
        options = _session_options()
        if size is not None:
            fix_sides(options, size)
        self._session = _open_session(path, options, _providers(provider))
        running = self._session.get_providers()
        if running[0] != provider:
            raise BackendError(
                f"ONNX Runtime's {provider} does not start and left the network to {running[0]}: install the versions "
                "of CUDA, cuDNN and TensorRT that this onnxruntime-gpu was built for; its messages above name them"
            )
        self.properties = _properties_of(self._session, path, size)
        self.description = f"ONNX Runtime {onnxruntime.__version__}, {_DEVICES[provider]}"

    def __call__(self, network_input: ImageArray) -> EngineOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        return EngineOutput(*self._session.run(OUTPUT_NAMES, {"image": network_input}))


def read_properties(path: Path) -> NetworkProperties:
    """Read what an ONNX file says about itself, and see that it is a HandOS network.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    WeightsError
        If it is damaged or no HandOS network.
    """
    options = _session_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _properties_of(_open_session(path, options, ["CPUExecutionProvider"]), path)


def _providers(provider: Provider) -> Sequence[str | tuple[str, Mapping[str, str]]]:
    if provider == "TensorrtExecutionProvider":
        folder = str(cache_folder() / "onnxruntime")
        cached = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": folder, "trt_timing_cache_enable": "1"}
        return [(provider, cached), "CUDAExecutionProvider", "CPUExecutionProvider"]
    if provider == "CUDAExecutionProvider":
        return [provider, "CPUExecutionProvider"]
    return [provider]


def _open_session(
    path: Path,
    options: onnxruntime.SessionOptions,
    providers: Sequence[str | tuple[str, Mapping[str, str]]],
) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise FileNotFoundError(f"weights file {path} does not exist: check the path, or {REMEDY}")
    try:
        return onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # ONNX Runtime has one exception class per status code and no common base
        raise WeightsError(
            f"weights file {path} ({path.stat().st_size} bytes) is no complete ONNX file: copy it again, or {REMEDY}. "
            f"ONNX Runtime says: {error}"
        ) from error


def _session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors are raised; its warnings speak of the graph's insides
    # A thread that spins between two operators is there at once for the next one, but keeps a core from others.
    bounded = _version(onnxruntime.__version__) >= _BOUNDS_SPINNING
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if bounded else "0")
    options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(".")[:2])


def _properties_of(
    session: onnxruntime.InferenceSession, path: Path, size: InputSize | None = None
) -> NetworkProperties:
    try:
        _check_outputs(session)
        properties = NetworkProperties.from_metadata(session.get_modelmeta().custom_metadata_map)
        _check_input(session, _sides(properties.input_sizes, size))
        return properties
    except WeightsError as error:
        raise WeightsError(f"weights file {path}: {error}") from error


def _check_outputs(session: onnxruntime.InferenceSession) -> None:
    missing = set(OUTPUT_NAMES) - {output.name for output in session.get_outputs()}
    if missing:
        raise WeightsError(f"it lacks the outputs {', '.join(sorted(missing))}, so it is no HandOS network: {REMEDY}")


def _sides(sizes: InputSizes, size: InputSize | None) -> list[str | int]:
    """Height and width of the input: numbers, or the names of those that are open."""
    if size is not None:
        return [size.height, size.width]
    return [sizes.side, sizes.side] if sizes.are_fixed else ["height", "width"]


def _check_input(session: onnxruntime.InferenceSession, sides: list[str | int]) -> None:
    wanted = ("tensor(uint8)", [1, *sides, 3])
    inputs = {entry.name: (entry.type, list(entry.shape)) for entry in session.get_inputs()}
    if inputs != {"image": wanted}:
        raise WeightsError(f"its inputs are {inputs}, not 'image': {wanted}, so it is no HandOS network: {REMEDY}")
