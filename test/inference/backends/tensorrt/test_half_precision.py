"""The graph in half precision: heavy operators rounded, everything between them as it was."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from handos_model.architecture.contract import WeightsError
from handos_model.inference.backends.tensorrt.half_precision import convert_to_half_precision

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(size=(1, 3, 6, 6)).astype(np.float32)
WEIGHTS = {
    "kernel": RANDOM.normal(size=(8, 3, 3, 3)).astype(np.float32),
    "bias": RANDOM.normal(size=8).astype(np.float32),
    "low": np.array(0, np.float32),
    "high": np.array(6, np.float32),
    "scale": np.ones(8, np.float32),
    "shift": np.zeros(8, np.float32),
    "matrix": RANDOM.normal(size=(8, 8)).astype(np.float32),
    "unused": np.zeros(1, np.float32),
}


def network(**weights: np.ndarray) -> onnx.ModelProto:  # type: ignore[type-arg]
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["convolved", "low", "high"], ["clipped"]),
        helper.make_node("Transpose", ["clipped"], ["features"], perm=[0, 2, 3, 1]),
        helper.make_node("LayerNormalization", ["features", "scale", "shift"], ["normalised"]),
        helper.make_node("MatMul", ["normalised", "matrix"], ["multiplied"]),
        helper.make_node("Clip", ["features", "low"], ["also_clipped"]),
        helper.make_node("Add", ["multiplied", "also_clipped"], ["sum"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 6, 6))],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, (1, 6, 6, 8))],
        [numpy_helper.from_array(values, name) for name, values in {**WEIGHTS, **weights}.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Element types of all computed tensors."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    return {value.name: value.type.tensor_type.elem_type for value in inferred.graph.value_info}


def run(model: onnx.ModelProto) -> np.ndarray:  # type: ignore[type-arg]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": IMAGE})[0]


def test_heavy_operators_and_clips_after_them_compute_in_half_precision() -> None:
    half = convert_to_half_precision(network())
    onnx.checker.check_model(half, full_check=True)
    types = element_types(half)
    for name in ("convolved_half", "clipped_half", "multiplied_half"):
        assert types[name] == TensorProto.FLOAT16
    for name in ("features", "normalised", "also_clipped"):
        assert types[name] == TensorProto.FLOAT


def test_there_is_no_cast_between_a_convolution_and_its_clip() -> None:
    half = convert_to_half_precision(network())
    clip = next(node for node in half.graph.node if node.op_type == "Clip")
    assert clip.input[0] == "convolved_half"
    assert "convolved" not in {name for node in half.graph.node for name in node.output}


def test_unused_weights_are_removed() -> None:
    names = {weight.name for weight in convert_to_half_precision(network()).graph.initializer}
    assert {"kernel_half", "bias_half", "matrix_half", "scale", "low", "low_half"} <= names
    assert not {"kernel", "bias", "matrix", "unused"} & names


def test_the_output_is_equal_up_to_rounding() -> None:
    expected = run(network())
    rounded = run(convert_to_half_precision(network()))
    np.testing.assert_allclose(rounded, expected, atol=2e-2)
    assert not np.array_equal(rounded, expected)


def test_the_given_model_is_not_changed() -> None:
    model = network()
    before = model.SerializeToString()
    convert_to_half_precision(model)
    assert model.SerializeToString() == before


@pytest.mark.parametrize("value", [1e5, -1e5])
def test_a_weight_too_large_for_half_precision_is_named(value: float) -> None:
    matrix = WEIGHTS["matrix"].copy()
    matrix[0, 0] = value
    with pytest.raises(WeightsError, match=r"matrix .*100000.*tensorrt-fp32"):
        convert_to_half_precision(network(matrix=matrix))
