"""Exported networks run in ONNX Runtime before 1.29, which has no cosine of doubles: Python 3.10 has no newer one."""

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from handos_model.architecture.onnx_export import write_cosines_as_sines
from handos_model.inference.pipeline import shipped_weights


def cosine_graph(kind: int) -> onnx.ModelProto:
    """The cosine of the negated input."""
    nodes = [helper.make_node("Neg", ["x"], ["negated"]), helper.make_node("Cos", ["negated"], ["y"], name="cosine")]
    x, negated, y = (helper.make_tensor_value_info(name, kind, [5]) for name in ("x", "negated", "y"))
    graph = helper.make_graph(nodes, "graph", [x], [y], value_info=[negated])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_cosines_of_doubles_become_sines_with_the_same_values() -> None:
    model = cosine_graph(TensorProto.DOUBLE)
    write_cosines_as_sines(model)
    onnx.checker.check_model(model, full_check=True)
    angles = np.linspace(-20.0, 20.0, 5)
    (values,) = ReferenceEvaluator(model).run(None, {"x": angles})
    assert [node.op_type for node in model.graph.node] == ["Neg", "Add", "Sin"]
    np.testing.assert_allclose(values, np.cos(angles), atol=1e-14)


def test_cosines_of_floats_stay() -> None:
    model = cosine_graph(TensorProto.FLOAT)
    write_cosines_as_sines(model)
    assert [node.op_type for node in model.graph.node] == ["Neg", "Cos"]


def test_the_shipped_network_has_no_cosines() -> None:
    network = onnx.load(shipped_weights("onnxruntime"))
    assert not any(node.op_type == "Cos" for node in network.graph.node)
