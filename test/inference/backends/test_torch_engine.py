"""The torch backend: runs the ONNX file, and every operator follows the definition of ONNX."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from fixed_answer_graph import INPUT_SIZE, metadata, two_hands, write_fixed_answer_graph
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from handos_model.architecture.contract import WeightsError
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.selection import load_engine
from handos_model.inference.backends.torch_graph import TorchGraph
from handos_model.inference.backends.torch_operators import OPERATORS

TOPOLOGY = HandTopology.load()
LIT = np.full((1, INPUT_SIZE, INPUT_SIZE, 3), 200, np.uint8)
RANDOM = np.random.default_rng(0)


def numbers(*shape: int) -> Any:
    return RANDOM.normal(size=shape).astype(np.float32)


def positive(*shape: int) -> Any:
    return np.abs(numbers(*shape)) + 0.1


def whole(*values: int) -> Any:
    return np.array(values, np.int64)


CASES: list[tuple[str, list[Any], list[Any], dict[str, Any], int]] = [
    # operator, computed inputs, constant inputs, attributes, outputs
    ("Abs", [numbers(5)], [], {}, 1),
    ("Add", [numbers(2, 3)], [numbers(3)], {}, 1),
    ("Cast", [numbers(2, 3)], [], {"to": TensorProto.INT64}, 1),
    ("Clip", [numbers(2, 3)], [np.float32(-0.2), np.float32(0.4)], {}, 1),
    ("Clip", [numbers(2, 3)], [np.float32(-0.2)], {}, 1),
    ("Concat", [numbers(2, 3), numbers(2, 1)], [], {"axis": -1}, 1),
    ("Conv", [numbers(1, 4, 9, 7)], [numbers(6, 2, 3, 3), numbers(6)], {"group": 2, "pads": [1, 1, 1, 1]}, 1),
    ("Conv", [numbers(1, 4, 9, 9)], [numbers(6, 4, 3, 3)], {"strides": [2, 2], "dilations": [2, 2]}, 1),
    ("Div", [numbers(2, 3)], [positive(2, 1)], {}, 1),
    ("Erf", [numbers(5)], [], {}, 1),
    ("Exp", [numbers(5)], [], {}, 1),
    ("Expand", [numbers(3, 1)], [whole(2, 1, 4)], {}, 1),
    ("Floor", [numbers(5)], [], {}, 1),
    ("Gather", [numbers(2, 5, 3), np.array([[4, -1], [0, 2]])], [], {"axis": 1}, 1),
    ("Gather", [numbers(2, 5, 3)], [whole(4, -1, 0)], {"axis": 1}, 1),
    ("Gather", [numbers(2, 5, 3)], [np.array(2)], {"axis": 1}, 1),
    ("GatherElements", [numbers(2, 4), np.array([[0, 3], [2, 2]])], [], {"axis": 1}, 1),
    ("Gemm", [numbers(2, 3)], [numbers(4, 3), numbers(4)], {"transB": 1}, 1),
    ("GridSample", [numbers(1, 2, 5, 4), 1.2 * np.tanh(numbers(1, 3, 6, 2))], [], {"padding_mode": "border"}, 1),
    ("GridSample", [numbers(1, 2, 5, 4), 1.2 * np.tanh(numbers(1, 3, 6, 2))], [], {"padding_mode": "zeros"}, 1),
    ("Identity", [numbers(5)], [], {}, 1),
    ("LayerNormalization", [numbers(2, 3, 8)], [numbers(8), numbers(8)], {"epsilon": 1e-5}, 1),
    ("Less", [numbers(2, 3)], [np.float32(0.1)], {}, 1),
    ("Log", [positive(5)], [], {}, 1),
    ("MatMul", [numbers(2, 3, 4)], [numbers(4, 5)], {}, 1),
    ("Max", [numbers(2, 3)], [np.float32(0)], {}, 1),
    ("Min", [numbers(2, 3)], [np.float32(0)], {}, 1),
    ("Mul", [numbers(2, 3), numbers(2, 1)], [], {}, 1),
    ("Pad", [numbers(1, 2, 3, 4)], [whole(0, 0, 1, 2, 0, 0, 3, 0)], {}, 1),
    ("Pad", [numbers(2, 3)], [whole(0, 1, 1, 0), np.float32(-2)], {}, 1),
    ("ReduceMax", [numbers(2, 3, 4)], [], {"axes": [-1], "keepdims": 0}, 1),
    ("ReduceMean", [numbers(2, 3, 4)], [], {"axes": [1, 2]}, 1),
    ("ReduceProd", [numbers(2, 3, 4)], [], {"axes": [-1], "keepdims": 0}, 1),
    ("ReduceSum", [numbers(2, 3, 4)], [whole(-1)], {"keepdims": 0}, 1),
    ("Relu", [numbers(5)], [], {}, 1),
    ("Reshape", [numbers(2, 3, 4)], [whole(0, -1)], {}, 1),
    ("Resize", [numbers(1, 2, 3, 4), np.zeros(0, np.float32)], [np.array([1, 1, 2, 2], np.float32)], {}, 1),
    ("Sigmoid", [numbers(5)], [], {}, 1),
    ("Slice", [numbers(6, 5)], [whole(1, -3), whole(2**62, 4), whole(0, 1), whole(2, 1)], {}, 1),
    ("Slice", [numbers(6, 5)], [whole(1), whole(-1)], {}, 1),
    ("Softmax", [numbers(2, 3, 4)], [], {"axis": 1}, 1),
    ("Split", [numbers(2, 5)], [whole(2, 3)], {"axis": 1}, 2),
    ("Split", [numbers(2, 6)], [], {"axis": 1}, 2),
    ("Squeeze", [numbers(2, 1, 3, 1)], [whole(1, -1)], {}, 1),
    ("Sub", [numbers(2, 3)], [numbers(3)], {}, 1),
    ("Tile", [numbers(2, 3)], [whole(2, 1)], {}, 1),
    ("TopK", [numbers(2, 7)], [whole(3)], {"axis": -1}, 2),
    ("Transpose", [numbers(2, 3, 4)], [], {"perm": [2, 0, 1]}, 1),
    ("Trilu", [numbers(2, 4, 4)], [np.array(1)], {"upper": 1}, 1),
    ("Unsqueeze", [numbers(2, 3)], [whole(0, -1)], {}, 1),
]
RESIZE = {"coordinate_transformation_mode": "asymmetric", "mode": "nearest", "nearest_mode": "floor"}


def write_operator(
    path: Path, operator: str, given: list[Any], constants: list[Any], attributes: dict[str, Any], outputs: int
) -> onnx.ModelProto:
    """A graph of one operator; it reads "image" where an operator has one computed input."""
    computed = ["image", "second"][: len(given)]
    fixed = [f"constant{index}" for index in range(len(constants))]
    node = helper.make_node(
        operator,
        [*computed, *fixed],
        [f"result{index}" for index in range(outputs)],
        **(RESIZE if operator == "Resize" else attributes),
    )
    weights = [numpy_helper.from_array(np.asarray(value), name) for value, name in zip(constants, fixed, strict=True)]
    # Everything but the image is a constant of the file.
    weights += [numpy_helper.from_array(value, name) for value, name in zip(given[1:], computed[1:], strict=True)]
    element = helper.np_dtype_to_tensor_dtype(np.asarray(given[0]).dtype)
    graph = helper.make_graph(
        [node],
        "operator",
        [helper.make_tensor_value_info("image", element, given[0].shape)],
        [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in node.output],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return model


@pytest.mark.parametrize(("operator", "given", "constants", "attributes", "outputs"), CASES)
def test_operators_do_what_onnx_defines(
    operator: str, given: list[Any], constants: list[Any], attributes: dict[str, Any], outputs: int, tmp_path: Path
) -> None:
    model = write_operator(tmp_path / "operator.onnx", operator, given, constants, attributes, outputs)
    graph = TorchGraph(tmp_path / "operator.onnx", model.SerializeToString(), torch.device("cpu"))
    results = graph(torch.from_numpy(given[0]))
    expected = ReferenceEvaluator(model).run(None, {"image": given[0]})
    assert len(results) == len(expected)
    for result, values in zip(results.values(), expected, strict=True):
        assert tuple(result.shape) == np.shape(values)
        assert result.numpy().dtype == np.asarray(values).dtype
        np.testing.assert_allclose(result.numpy(), values, atol=1e-5, rtol=1e-5)


def test_every_operator_is_compared() -> None:
    assert {case[0] for case in CASES} == set(OPERATORS)


@pytest.mark.parametrize(
    ("operator", "constants", "attributes", "complaint"),
    [
        ("Sin", [], {}, "operator Sin is not known"),
        ("Cast", [], {"to": TensorProto.DOUBLE}, "to=11 of Cast is not known"),
        ("Conv", [numbers(1, 3, 3, 3)], {"pads": [0, 0, 1, 1]}, "pads of Conv differ"),
        ("Conv", [numbers(1, 3, 3, 3)], {"auto_pad": "SAME_UPPER"}, "auto_pad=b'SAME_UPPER' of Conv is not known"),
        ("Slice", [whole(2), whole(0), whole(0), whole(-1)], {}, "steps"),
    ],
)
def test_unknown_operators_are_named_with_the_file(
    operator: str, constants: list[Any], attributes: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    model = write_operator(tmp_path / "operator.onnx", operator, [numbers(1, 3, 8, 8)], constants, attributes, 1)
    with pytest.raises(BackendError, match=rf"cannot run .*operator\.onnx: .*{complaint}.*backend onnxruntime"):
        TorchGraph(tmp_path / "operator.onnx", model.SerializeToString(), torch.device("cpu"))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


def test_returns_the_networks_output(weights: Path) -> None:
    engine = load_engine(weights, "torch")
    assert engine.description.startswith("torch")
    for name, values in two_hands(TOPOLOGY).items():
        np.testing.assert_array_equal(getattr(engine(LIT), name), values)
    assert not engine(np.zeros_like(LIT)).scores.any()


def test_a_file_that_is_not_a_network_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.onnx"
    text.write_text("not a network")
    with pytest.raises(WeightsError, match=r"notes\.onnx"):
        load_engine(text, "torch")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU, or torch is built without CUDA")
def test_a_cuda_graph_returns_the_networks_output(weights: Path) -> None:
    engine = load_engine(weights, "torch-cuda")
    assert "CUDA graph" in engine.description
    first = engine(LIT)
    assert not engine(np.zeros_like(LIT)).scores.any()
    for name, values in two_hands(TOPOLOGY).items():
        np.testing.assert_array_equal(getattr(first, name), values)
