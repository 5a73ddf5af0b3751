"""The network in ONNX Runtime on the CPU: needs neither torch nor a GPU."""

from pathlib import Path

import onnxruntime  # type: ignore[import-untyped]

from handos_model.inference.engine import OUTPUT_NAMES, REMEDY, EngineOutput, NetworkProperties, WeightsError
from handos_model.io.frame import ImageArray


class OnnxRuntimeEngine:
    """A HandOS network from an ONNX file.

    Parameters
    ----------
    path
        ONNX file written by `handos export`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    WeightsError
        If it is damaged or no HandOS network.
    """

    def __init__(self, path: Path) -> None:
        self._session = _open_session(path)
        try:
            _check_outputs(self._session)
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.properties = NetworkProperties.from_metadata(metadata, _input_size(self._session))
        except WeightsError as error:
            raise WeightsError(f"weights file {path}: {error}") from error
        self.description = f"ONNX Runtime {onnxruntime.__version__}, CPU"

    def __call__(self, network_input: ImageArray) -> EngineOutput:
        """Run the network on (1, S, S, 3) BGR uint8."""
        return EngineOutput(*self._session.run(OUTPUT_NAMES, {"image": network_input}))


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise FileNotFoundError(f"weights file {path} does not exist: check the path, or {REMEDY}")
    try:
        return onnxruntime.InferenceSession(path, _session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has one exception class per status code and no common base
        raise WeightsError(
            f"weights file {path} ({path.stat().st_size} bytes) is no complete ONNX file: copy it again, or {REMEDY}. "
            f"ONNX Runtime says: {error}"
        ) from error


def _session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors are raised; its warnings speak of the graph's insides
    # Idle threads that spin keep cores busy between frames, which a robot needs for other things.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _check_outputs(session: onnxruntime.InferenceSession) -> None:
    missing = set(OUTPUT_NAMES) - {output.name for output in session.get_outputs()}
    if missing:
        raise WeightsError(f"it lacks the outputs {', '.join(sorted(missing))}, so it is no HandOS network: {REMEDY}")


def _input_size(session: onnxruntime.InferenceSession) -> int:
    inputs = {entry.name: (entry.type, list(entry.shape)) for entry in session.get_inputs()}
    kind, shape = inputs.get("image", ("", []))
    if kind != "tensor(uint8)" or len(shape) != 4 or shape[1:3] != [shape[1]] * 2 or not isinstance(shape[1], int):
        raise WeightsError(
            f"its inputs are {inputs}, not 'image' of uint8 (1, S, S, 3), so it is no HandOS network: {REMEDY}"
        )
    return shape[1]
