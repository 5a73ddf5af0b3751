"""The ONNX Runtime engine: returns the network's output, and names what is wrong with a file."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from fixed_answer_graph import HANDEDNESS_SLOPE, INPUT_SIZE, metadata, two_hands, write_fixed_answer_graph
from onnx import TensorProto, helper, numpy_helper

from handos_model.architecture.contract import OUTPUT_NAMES, WeightsError
from handos_model.architecture.input_size import InputSizes
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends import onnxruntime_engine
from handos_model.inference.backends.engine import BackendError
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
        ("handos.image_size", "320000000", "damaged.*image_size .*320000000"),
        ("handos.preset", "../../elsewhere", r"damaged.*preset .*\.\./\.\./elsewhere"),
        ("handos.topology", "", "damaged.*topology .*''"),
        ("handos.score_threshold", "nan", "damaged.*score_threshold .*nan"),
        ("handos.score_threshold", "inf", "damaged.*score_threshold .*inf"),
        ("handos.score_threshold", "2", "damaged.*score_threshold .*2"),
        ("handos.score_threshold", "-0.1", r"damaged.*score_threshold .*-0\.1"),
        ("handos.handedness_slope", "nan", "damaged.*handedness_slope .*nan"),
        ("handos.handedness_slope", "inf", "damaged.*handedness_slope .*inf"),
        ("handos.handedness_slope", "-3", "damaged.*handedness_slope .*-3"),
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


@pytest.mark.parametrize(
    ("name", "shape", "named"),
    [
        ("joints_2d", (4, 20, 2), r"joints_2d .*\[4, 20, 2\] instead of \[4, 21, 2\]"),
        ("joints_3d", (4, 21), r"joints_3d .*\[4, 21\] instead of \[4, 21, 3\]"),
        ("vertices", (4, 777, 3), r"vertices .*\[4, 777, 3\] instead of \[4, 778, 3\]"),
        ("boxes", (3, 4), r"boxes .*\[3, 4\] instead of \[4, 4\]"),
        ("scores", (), r"scores .*\[\] instead of \[any\]"),
    ],
)
def test_outputs_of_another_shape_are_refused(name: str, shape: tuple[int, ...], named: str, tmp_path: Path) -> None:
    answer = two_hands(TOPOLOGY)
    if name == "scores":
        path = write_declared_scores(tmp_path / "other.onnx", [])
    else:
        answer[name] = np.ones(shape, np.float32)
        path = write_fixed_answer_graph(tmp_path / "other.onnx", answer, metadata(TOPOLOGY.id))
    with pytest.raises(WeightsError, match=rf"other\.onnx.*{named}.*handos export"):
        OnnxRuntimeEngine(path)


def test_outputs_of_another_type_are_refused(tmp_path: Path) -> None:
    answer = two_hands(TOPOLOGY)
    path = write_fixed_answer_graph(tmp_path / "other.onnx", answer, metadata(TOPOLOGY.id))
    model = onnx.load(path)
    (output,) = (output for output in model.graph.output if output.name == "camera")
    output.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in model.graph.node:
        if node.output[0] == "camera":
            node.CopyFrom(helper.make_node("Cast", ["known_camera"], ["camera"], to=TensorProto.DOUBLE))
    onnx.save(model, path)
    with pytest.raises(WeightsError, match=r"other\.onnx.*camera is tensor\(double\)"):
        OnnxRuntimeEngine(path)


def test_a_file_larger_than_any_network_is_refused(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime_engine, "_MAX_BYTES", 1000)
    with pytest.raises(WeightsError, match=rf"network\.onnx \({weights.stat().st_size} bytes\).*1000"):
        OnnxRuntimeEngine(weights)


@pytest.mark.parametrize("location", ["../secret", "link", "/etc/hostname", "missing"])
def test_weights_in_a_file_outside_the_folder_are_refused(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(40))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "secret")
    path = write_external_weights(tmp_path / "folder" / "a.onnx", location)
    with pytest.raises(WeightsError, match=r"a\.onnx names other files"):
        OnnxRuntimeEngine(path)


def test_a_tensor_larger_than_the_memory_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = write_huge_tensor(tmp_path / "huge.onnx")
    with pytest.raises((BackendError, WeightsError), match=r"huge\.onnx"):
        OnnxRuntimeEngine(path)(LIT)


def write_declared_scores(path: Path, shape: list[int]) -> Path:
    """A network whose scores are one number of this shape."""
    write_fixed_answer_graph(path, two_hands(TOPOLOGY), metadata(TOPOLOGY.id))
    model = onnx.load(path)
    for node in model.graph.node:
        if node.output[0] == "scores":
            reduced = helper.make_node("ReduceMax", [node.input[0]], ["scores"], keepdims=0)
            node.CopyFrom(reduced)
    (output,) = (output for output in model.graph.output if output.name == "scores")
    output.CopyFrom(helper.make_tensor_value_info("scores", TensorProto.FLOAT, shape))
    onnx.save(model, path)
    return path


def write_external_weights(path: Path, location: str) -> Path:
    """A network that adds ten numbers of another file to its scores."""
    write_fixed_answer_graph(path, two_hands(TOPOLOGY), metadata(TOPOLOGY.id))
    model = onnx.load(path)
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[10], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "40")):
        weight.external_data.add(key=key, value=value)
    model.graph.initializer.append(weight)
    insert_before_scores(model, [helper.make_node("ReduceMax", ["w"], ["largest"], keepdims=0)])
    path.write_bytes(model.SerializeToString())
    return path


def write_huge_tensor(path: Path) -> Path:
    """A network that computes its scores from 2^50 numbers, in a small file."""
    write_fixed_answer_graph(path, two_hands(TOPOLOGY), metadata(TOPOLOGY.id))
    model = onnx.load(path)
    nodes = [
        helper.make_node("Constant", [], ["huge_shape"], value=numpy_helper.from_array(np.array([1 << 50]))),
        helper.make_node("Expand", ["factor", "huge_shape"], ["view"]),
        helper.make_node("Add", ["view", "factor"], ["huge"]),
        helper.make_node("ReduceMax", ["huge"], ["largest"], keepdims=0, axes=[0]),
    ]
    insert_before_scores(model, nodes)
    onnx.save(model, path)
    return path


def insert_before_scores(model: onnx.ModelProto, added: list[onnx.NodeProto]) -> None:
    """Multiply the scores with the number "largest", which `added` computes."""
    nodes = list(model.graph.node)
    (scores,) = (node for node in nodes if node.output[0] == "scores")
    scores.input[1] = "largest"
    at = nodes.index(scores)
    nodes[at:at] = added
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)
