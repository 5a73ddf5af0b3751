"""Quantisation of an exported network: which operators it concerns, and that the results stay close."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
from onnx import TensorProto, helper, numpy_helper

from handos_model.architecture.contract import INPUT_NAME
from handos_model.architecture.onnx_int8 import export_int8

IMAGES = [np.random.default_rng(seed).integers(0, 256, (1, 32, 48, 3), np.uint8) for seed in range(4)]


def write_network(path: Path) -> Path:
    """Three convolutions, then a residual block of two, and a matrix product."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.2, (8, 3 if k == 0 else 8, 3, 3)).astype(np.float32) for k in range(5)]
    nodes = [
        helper.make_node("Cast", [INPUT_NAME], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["features"], perm=[0, 3, 1, 2]),
    ]
    last = "features"
    for k in range(5):
        nodes.append(helper.make_node("Conv", [last, f"w{k}"], [f"c{k}"], pads=[1] * 4, name=f"conv{k}"))
        nodes.append(helper.make_node("Clip", [f"c{k}", "zero", "six"], [f"r{k}"], name=f"clip{k}"))
        last = f"r{k}"
    nodes.append(helper.make_node("Add", ["r3", "r4"], ["sum"], name="residual"))
    nodes.append(helper.make_node("Conv", ["sum", "w4"], ["c5"], pads=[1] * 4, name="conv5"))
    nodes.append(helper.make_node("MatMul", ["c5", "matrix"], ["result"], name="product"))
    constants = {"scale": np.float32(255), "zero": np.float32(0), "six": np.float32(6)}
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    initializers += [numpy_helper.from_array(weight, f"w{k}") for k, weight in enumerate(weights)]
    initializers.append(numpy_helper.from_array(rng.normal(0, 0.2, (48, 5)).astype(np.float32), "matrix"))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, [1, 32, 48, 3])],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, [1, 8, 32, 5])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"handos.preset": "small"})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    network = write_network(tmp_path_factory.mktemp("int8") / "n.onnx")
    export_int8(network, IMAGES[:3], network.with_name("n.int8.onnx"))
    return network, network.with_name("n.int8.onnx")


def run(path: Path, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    result: npt.NDArray[np.float32] = session.run(None, {INPUT_NAME: image})[0]
    return result


def test_results_of_an_unseen_image_are_close(networks: tuple[Path, Path]) -> None:
    exact, rounded = (run(path, IMAGES[3]) for path in networks)
    assert np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()
    assert not np.array_equal(rounded, exact)


def test_all_convolutions_but_the_first_three_are_rounded_and_no_matrix_product(networks: tuple[Path, Path]) -> None:
    graph = onnx.load(networks[1]).graph
    scaled = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    rounded = {node.name for node in graph.node if scaled.intersection(node.input)}
    assert {name for name in rounded if name.startswith("conv")} == {"conv3", "conv4", "conv5"}
    assert "residual" in rounded
    product = next(node for node in graph.node if node.name == "product")
    assert "matrix" in product.input


def test_the_metadata_are_kept_and_nothing_else_is_left_behind(networks: tuple[Path, Path]) -> None:
    assert {entry.key: entry.value for entry in onnx.load(networks[1]).metadata_props}["handos.preset"] == "small"
    assert {path.name for path in networks[0].parent.iterdir()} == {"n.onnx", "n.int8.onnx"}


def test_images_are_needed(networks: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="int8 needs images of hands"):
        export_int8(networks[0], [], tmp_path / "none.int8.onnx")
    assert not list(tmp_path.iterdir())
