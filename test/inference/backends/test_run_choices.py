"""Networks that leave a choice of input size and number of hands, and those that do not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from fixed_answer_graph import metadata, two_hands
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("torch", reason="export needs the train extra")

from handos_model.architecture.contract import NetworkProperties, RunChoices, WeightsError
from handos_model.architecture.input_size import InputSize, InputSizes
from handos_model.architecture.onnx_export import count_found_hands
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.bound_engine import BoundEngine
from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine, read_properties
from handos_model.inference.backends.static_shapes import read_with_static_shape
from handos_model.inference.pipeline import DEFAULT_WEIGHTS, HandPipeline

TOPOLOGY = HandTopology.load()
SIZE = InputSize(320, 320)
IMAGE = np.zeros((1, 320, 320, 3), np.uint8)
PROPERTIES = NetworkProperties("fixed-answer", TOPOLOGY.id, InputSizes(320, 32), 0.5, 3.0, (288, 640), 3)


def network_with_scores(path: Path, *scores: float) -> Path:
    """A network that decodes as many hands as it finds; the hands of these scores are copies of one."""
    answer = {name: np.repeat(values[:1], len(scores), axis=0) for name, values in two_hands(TOPOLOGY).items()}
    constants = {f"all_{name}": values for name, values in answer.items()} | {
        "query_scores": np.array([scores], np.float32),
        "one_dimension": np.array([-1]),
    }
    nodes = [
        helper.make_node("Shape", ["slots"], ["slot_count"]),
        # Not constant, as in a network.
        helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["numbers"], ["brightest"], keepdims=0),
        helper.make_node("Add", ["query_scores", "brightest"], ["all_queries"]),
        helper.make_node("TopK", ["all_queries", "slot_count"], ["best", "ranks"], axis=-1),
        helper.make_node("Reshape", ["best", "one_dimension"], ["scores"]),
        helper.make_node("Reshape", ["ranks", "one_dimension"], ["chosen"]),
        *(helper.make_node("Gather", [f"all_{name}", "chosen"], [name], axis=0) for name in answer if name != "scores"),
    ]
    graph = helper.make_graph(
        nodes,
        "hands",
        [
            helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "height", "width", 3]),
            helper.make_tensor_value_info("slots", TensorProto.UINT8, ["hands"]),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["hands", *values.shape[1:]])
            for name, values in answer.items()
        ],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert PROPERTIES.max_hands is not None
    count_found_hands(model, PROPERTIES.max_hands)
    helper.set_model_props(model, PROPERTIES.to_metadata())
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("scores", "decoded"),
    [
        ((0.1, 0.9, 0.02, 0.01), [0.9, 0.1]),
        ((0.9, 0.8, 0.7, 0.6), [0.9, 0.8, 0.7]),
        ((0.01, 0.02, 0.0, 0.0), [0.02]),
    ],
    ids=["two of four queries", "no more than the most", "one even if there is none"],
)
def test_as_many_hands_are_decoded_as_are_found(
    scores: tuple[float, ...], decoded: list[float], tmp_path: Path
) -> None:
    output = OnnxRuntimeEngine(network_with_scores(tmp_path / "n.onnx", *scores))(IMAGE)
    np.testing.assert_allclose(output.scores, decoded)
    assert output.vertices.shape == (len(decoded), 778, 3)


@pytest.mark.parametrize(("max_hands", "found"), [(1, 1), (2, 2), (8, 3)])
def test_fewer_hands_can_be_chosen(max_hands: int, found: int, tmp_path: Path) -> None:
    path = network_with_scores(tmp_path / "n.onnx", 0.9, 0.8, 0.7, 0.6)
    pipeline = HandPipeline.load(path, "onnxruntime", max_hands=max_hands)
    assert pipeline.engine.properties.max_hands == found
    assert len(pipeline.engine(IMAGE).scores) == found
    assert len(pipeline(IMAGE[0])) == found


def test_static_shapes_have_all_hands(tmp_path: Path) -> None:
    path = network_with_scores(tmp_path / "n.onnx", 0.9, 0.01, 0.0, 0.0)
    properties = replace(read_properties(path), max_hands=2)
    engine = BoundEngine(path, properties, SIZE, provider="CPUExecutionProvider")
    np.testing.assert_allclose(engine(IMAGE).scores, [0.9, 0.01])
    static = onnx.load_from_string(read_with_static_shape(path, properties.input_sizes, SIZE, properties.max_hands))
    assert {output.type.tensor_type.shape.dim[0].dim_value for output in static.graph.output} == {2}
    assert "ReduceSum" not in {node.op_type for node in static.graph.node}


def test_a_resolution_changes_the_input(tmp_path: Path) -> None:
    path = network_with_scores(tmp_path / "n.onnx", 0.9)
    sizes = {
        resolution: HandPipeline.load(path, "onnxruntime", resolution=resolution).engine.properties.input_sizes
        for resolution in (None, 288, 640)
    }
    assert {resolution: size.side for resolution, size in sizes.items()} == {None: 320, 288: 288, 640: 640}


@pytest.mark.parametrize(
    ("trained", "chosen", "side"),
    [
        ((288, 640), None, 640),
        ((288, 512), None, 512),
        ((288, 768), None, 640),
        ((288, 640), 384, 384),
        (None, None, 320),
    ],
)
def test_gpus_run_the_largest_size_that_was_trained_unless_another_is_chosen(
    trained: tuple[int, int] | None, chosen: int | None, side: int
) -> None:
    properties = replace(PROPERTIES, trained_sides=trained)
    assert RunChoices(chosen).apply_on_gpu(properties).input_sizes == InputSizes(side, 32)


def test_gpus_run_a_network_for_squares_at_its_own_size() -> None:
    properties = replace(PROPERTIES, input_sizes=InputSizes(320, 320))
    assert RunChoices().apply_on_gpu(properties) == properties


@pytest.mark.parametrize("resolution", [256, 300, 672])
def test_a_resolution_without_training_is_refused(resolution: int, tmp_path: Path) -> None:
    path = network_with_scores(tmp_path / "n.onnx", 0.9)
    with pytest.raises(WeightsError, match=f"resolution {resolution} .*multiple of 32 from 288 to 640"):
        HandPipeline.load(path, "onnxruntime", resolution=resolution)


def test_a_network_that_was_trained_at_one_resolution_says_so(tmp_path: Path) -> None:
    path = network_with_scores(tmp_path / "n.onnx", 0.9)
    model = onnx.load(path)
    helper.set_model_props(model, replace(PROPERTIES, trained_sides=None).to_metadata())
    onnx.save(model, path)
    with pytest.raises(WeightsError, match="resolution 640 is not possible: these weights run at 320 pixels only"):
        HandPipeline.load(path, "onnxruntime", resolution=640)
    assert HandPipeline.load(path, resolution=320).engine.properties.input_sizes.side == 320


def test_the_shipped_network_can_look_more_closely() -> None:
    assert HandPipeline.load().engine.properties.input_sizes.side == 384
    assert HandPipeline.load(resolution=640).engine.properties.input_sizes.side == 640


def test_torch_runs_as_chosen() -> None:
    weights = DEFAULT_WEIGHTS.with_suffix(".safetensors")
    pipeline = HandPipeline.load(weights, "torch", max_hands=1)
    assert pipeline.engine.properties.max_hands == 1
    assert HandPipeline.load(weights, "torch", resolution=640).engine.properties.input_sizes.side == 640
    with pytest.raises(WeightsError, match="resolution 672"):
        HandPipeline.load(weights, "torch", resolution=672)


def test_metadata_keeps_the_choices() -> None:
    assert NetworkProperties.from_metadata(PROPERTIES.to_metadata()) == PROPERTIES
    without = replace(PROPERTIES, trained_sides=None, max_hands=None)
    assert NetworkProperties.from_metadata(without.to_metadata()) == without
    assert without.to_metadata().keys() == metadata("any").keys()


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("handos.trained_sizes", "288"),
        ("handos.trained_sizes", "352,640"),
        ("handos.trained_sizes", "288,100000"),
        ("handos.max_hands", "0"),
        ("handos.max_hands", "many"),
    ],
)
def test_damaged_choices_are_refused(entry: str, value: str) -> None:
    with pytest.raises(WeightsError):
        NetworkProperties.from_metadata(PROPERTIES.to_metadata() | {entry: value})


def test_choices_bound_each_other() -> None:
    assert RunChoices(max_hands=2).apply(PROPERTIES).max_hands == 2
    assert RunChoices(max_hands=9).apply(PROPERTIES).max_hands == 3
    assert RunChoices(resolution=640).apply(PROPERTIES).input_sizes == InputSizes(640, 32)
