"""Runs the network in ONNX Runtime on the CPU, and checks that an ONNX file is a HandOS network."""

import re
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from handos_model.architecture.contract import (
    INPUT_NAME,
    MAX_HANDS_NAME,
    OUTPUT_NAMES,
    REEXPORT,
    NetworkOutput,
    NetworkProperties,
    RunChoices,
    WeightsError,
    is_int8,
    require_output_shapes,
)
from handos_model.architecture.input_size import InputSizes
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID, MANO_VERTEX_COUNT
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.freed_memory import return_freed_memory
from handos_model.inference.backends.processor_threads import processor_threads

_NO_CHOICES: Final = RunChoices()
_SPIN_MICROSECONDS: Final = "20"
"""Longer than the gap between most operators, short enough not to block the core for other programs."""
_BOUNDED_SPINNING_VERSION: Final = (1, 31)
"""First version of ONNX Runtime that is known to bound spinning; older ones spin without end."""
_OTHER_FILE: Final = re.compile(rb"(?:\x08|\x88\x80*\x00)location")
"""In a tensor whose values are in another file, the key of its name, after the key's length as protobuf writes it. ONNX
Runtime 1.23 and earlier would read any file."""
_MAX_BYTES: Final = 2 << 30
"""Of an ONNX file: protobuf, its format, allows no more."""


class OnnxRuntimeEngine:
    """A HandOS network from an ONNX file, on the CPU. May be called from several threads at once.

    Parameters
    ----------
    path
        ONNX file written by `handos export`.
    choices
        How it is run.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    WeightsError
        If it is damaged, not a HandOS network, or cannot be run as chosen.
    """

    def __init__(self, path: Path, choices: RunChoices = _NO_CHOICES) -> None:
        self._path = path
        self._session = _open_session(path, default_session_options())
        return_freed_memory()
        self.properties = choices.apply(_validated_properties(self._session, path))
        max_hands = self.properties.max_hands
        self._limit = {} if max_hands is None else {MAX_HANDS_NAME: np.array([max_hands], np.int64)}
        self.description = f"ONNX Runtime {onnxruntime.__version__}, CPU{', int8' if is_int8(path) else ''}"

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8.

        Raises
        ------
        BackendError
            If ONNX Runtime cannot compute it, for example because it needs more memory than there is.
        """
        try:
            return NetworkOutput(*self._session.run(OUTPUT_NAMES, {INPUT_NAME: network_input} | self._limit))
        except Exception as error:  # as in `_open_session`
            raise BackendError(
                f"{self.description}, cannot run the network of {self._path} on an input of {network_input.shape}: "
                f"free memory, or {REEXPORT}. ONNX Runtime: {error}"
            ) from error


def read_properties(path: Path) -> NetworkProperties:
    """Read the metadata of an ONNX file and check that it is a HandOS network.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    WeightsError
        If it is damaged or not a HandOS network.
    """
    options = default_session_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _validated_properties(_open_session(path, options), path)


def default_session_options() -> onnxruntime.SessionOptions:
    """Session options of all engines."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = processor_threads()
    options.log_severity_level = 3  # errors only: the warnings concern the graph's internals
    # A thread that spins between two operators starts the next one at once, but occupies a core.
    can_bound_spinning = _parse_version(onnxruntime.__version__) >= _BOUNDED_SPINNING_VERSION
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if can_bound_spinning else "0")
    options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _open_session(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise FileNotFoundError(f"weights file {path} does not exist: check the path, or {REEXPORT}")
    if path.stat().st_size > _MAX_BYTES:
        raise WeightsError(
            f"weights file {path} ({path.stat().st_size} bytes) is larger than any ONNX file, {_MAX_BYTES} bytes: "
            f"check the path, or {REEXPORT}"
        )
    if _OTHER_FILE.search(path.read_bytes()):
        raise WeightsError(
            f"weights file {path} names other files that hold its weights, which are not read: {REEXPORT}"
        )
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception class per status code, without a common base class
        raise WeightsError(
            f"weights file {path} ({path.stat().st_size} bytes) is not a complete ONNX file, or too new for ONNX "
            f"Runtime {onnxruntime.__version__}: copy it again, or {REEXPORT}. Its message: "
            f"{' '.join(str(error).split())}"
        ) from error


def _parse_version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(".")[:2])


def _validated_properties(session: onnxruntime.InferenceSession, path: Path) -> NetworkProperties:
    try:
        _require_float_outputs(session)
        properties = NetworkProperties.from_metadata(session.get_modelmeta().custom_metadata_map)
        outputs = {output.name: output.shape for output in session.get_outputs()}
        require_output_shapes(outputs, _vertex_count(properties.topology_id))
        _check_input(session, properties.input_sizes)
        return properties
    except WeightsError as error:
        raise WeightsError(f"weights file {path}: {error}") from error


def _require_float_outputs(session: onnxruntime.InferenceSession) -> None:
    for output in session.get_outputs():
        if output.name in OUTPUT_NAMES and output.type != "tensor(float)":
            raise WeightsError(f"its output {output.name} is {output.type} instead of tensor(float): {REEXPORT}")


def _vertex_count(topology_id: str) -> int | None:
    """Vertices of a mesh that this version knows."""
    if topology_id == MANO_TOPOLOGY_ID:
        return MANO_VERTEX_COUNT
    own = HandTopology.load()
    return own.vertex_count if topology_id == own.id else None


def _check_input(session: onnxruntime.InferenceSession, sizes: InputSizes) -> None:
    sides = [sizes.side, sizes.side] if sizes.square_only else ["height", "width"]
    expected = {INPUT_NAME: ("tensor(uint8)", [1, *sides, 3])}
    inputs = {entry.name: (entry.type, list(entry.shape)) for entry in session.get_inputs()}
    if inputs != expected:
        raise WeightsError(f"its inputs are {inputs}, not {expected}, so it is not a HandOS network: {REEXPORT}")
