"""The ONNX Runtime engine: returns the network's output, and names what is wrong with a file."""

from pathlib import Path

import numpy as np
import pytest
from fixed_answer_graph import HANDEDNESS_SLOPE, INPUT_SIZE, metadata, two_hands, write_fixed_answer_graph

from handos_model.architecture.contract import OUTPUT_NAMES, WeightsError
from handos_model.architecture.input_size import InputSizes
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine

TOPOLOGY = HandTopology.load()
LIT = np.full((1, INPUT_SIZE, INPUT_SIZE, 3), 200, np.uint8)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


def test_returns_the_networks_output(weights: Path) -> None:
    output = OnnxRuntimeEngine(weights)(LIT)
    for name, values in two_hands(TOPOLOGY).items():
        np.testing.assert_array_equal(getattr(output, name), values)


def test_the_output_depends_on_the_image(weights: Path) -> None:
    assert not OnnxRuntimeEngine(weights)(np.zeros_like(LIT)).scores.any()


def test_reads_the_properties_of_the_network(weights: Path) -> None:
    properties = OnnxRuntimeEngine(weights).properties
    assert properties.input_sizes == InputSizes(INPUT_SIZE, INPUT_SIZE)
    assert properties.topology_id == TOPOLOGY.id
    assert properties.preset == "fixed-answer"
    assert properties.score_threshold == 0.5
    assert properties.handedness_slope == HANDEDNESS_SLOPE


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.onnx.*handos export"):
        OnnxRuntimeEngine(tmp_path / "missing.onnx")


@pytest.mark.parametrize("kept", [0, 1, 100, 5000])
def test_a_truncated_file_is_named_with_its_size(weights: Path, kept: int) -> None:
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=rf"network\.onnx.*\b{kept} bytes"):
        OnnxRuntimeEngine(weights)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.onnx"
    text.write_text("not a network")
    with pytest.raises(WeightsError, match=r"notes\.onnx"):
        OnnxRuntimeEngine(text)


@pytest.mark.parametrize("name", OUTPUT_NAMES)
def test_a_network_with_a_missing_output_is_refused(tmp_path: Path, name: str) -> None:
    answer = two_hands(TOPOLOGY)
    del answer[name]
    path = write_fixed_answer_graph(tmp_path / "other.onnx", answer, metadata(TOPOLOGY.id))
    with pytest.raises(WeightsError, match=rf"other\.onnx.*{name}.*handos export"):
        OnnxRuntimeEngine(path)


@pytest.mark.parametrize("entry", sorted(metadata("")))
def test_a_network_with_missing_metadata_is_refused(tmp_path: Path, entry: str) -> None:
    properties = {name: value for name, value in metadata(TOPOLOGY.id).items() if name != entry}
    path = write_fixed_answer_graph(tmp_path / "other.onnx", two_hands(TOPOLOGY), properties)
    with pytest.raises(WeightsError, match=rf"other\.onnx.*{entry}.*handos export"):
        OnnxRuntimeEngine(path)


@pytest.mark.parametrize(
    ("entry", "value", "complaint"),
    [
        ("handos.score_threshold", "half", "damaged.*half"),
        ("handos.image_size", "wide", "damaged.*wide"),
        ("handos.image_multiple", "0", "damaged.*multiple of 0 pixels.*320"),
        ("handos.image_multiple", "31", "damaged.*multiple of 31 pixels.*320"),
    ],
)
def test_invalid_metadata_are_refused(tmp_path: Path, entry: str, value: str, complaint: str) -> None:
    properties = metadata(TOPOLOGY.id) | {entry: value}
    path = write_fixed_answer_graph(tmp_path / "other.onnx", two_hands(TOPOLOGY), properties)
    with pytest.raises(WeightsError, match=complaint):
        OnnxRuntimeEngine(path)


def test_a_network_with_another_input_is_refused(tmp_path: Path) -> None:
    path = write_fixed_answer_graph(
        tmp_path / "other.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id), input_shape=(1, 3, 320, 320)
    )
    with pytest.raises(WeightsError, match=r"\[1, 3, 320, 320\].*\[1, 320, 320, 3\].*handos export"):
        OnnxRuntimeEngine(path)
