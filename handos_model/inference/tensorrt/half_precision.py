"""An ONNX graph in which the heavy operators compute in half precision.

TensorRT 11 takes the precision of every layer from the graph, and 10 can. Convolutions and matrix products, nearly all
of the work, become half; between them everything stays single: coordinates, normalisations, softmax. A clipping or
rectifying layer that follows one of them is taken in as well, because it gives the same rounded numbers either way and
is then fused with it.
"""

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from handos_model.inference.engine import WeightsError

_HEAVY: Final = frozenset({"Conv", "Gemm", "MatMul"})
_TAKEN_IN: Final = frozenset({"Clip", "Relu"})
_LARGEST: Final = float(np.finfo(np.float16).max)


def with_half_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of `model`, single precision at its inputs and outputs, with heavy operators in half precision.

    Raises
    ------
    WeightsError
        If a weight is too large for half precision.
    """
    rewritten = _Rewriting(model)
    for node in model.graph.node:
        rewritten.add(node)
    return rewritten.finished()


class _Rewriting:
    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = onnx.ModelProto()
        self._model.CopyFrom(model)
        del self._model.graph.node[:]
        self._weights = {weight.name: weight for weight in model.graph.initializer}
        self._half_names: dict[str, str] = {}
        """Tensors in single precision, and what their half twins are called."""
        self._computed_in_half: set[str] = set()

    def add(self, node: onnx.NodeProto) -> None:
        heavy = node.op_type in _HEAVY
        if not heavy and not (node.op_type in _TAKEN_IN and node.input[0] in self._computed_in_half):
            self._model.graph.node.append(node)
            return
        half = onnx.NodeProto()
        half.CopyFrom(node)
        half.input[:] = [self._half_of(name) if name else "" for name in node.input]
        half.output[:] = [f"{node.output[0]}_half"]
        self._half_names[node.output[0]] = half.output[0]
        self._computed_in_half.add(node.output[0])
        self._model.graph.node.extend([half, _cast(half.output[0], node.output[0], TensorProto.FLOAT)])

    def finished(self) -> onnx.ModelProto:
        """The graph without weights and casts that nothing reads any more."""
        graph = self._model.graph
        needed = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
        used = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in needed]
        kept = [weight for weight in graph.initializer if weight.name in needed]
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(used)
        graph.initializer.extend(kept)
        return self._model

    def _half_of(self, name: str) -> str:
        if name not in self._half_names:
            self._half_names[name] = f"{name}_half"
            if name in self._weights:
                self._model.graph.initializer.append(_half_weight(self._weights[name], self._half_names[name]))
            else:
                self._model.graph.node.append(_cast(name, self._half_names[name], TensorProto.FLOAT16))
        return self._half_names[name]


def _half_weight(weight: onnx.TensorProto, name: str) -> onnx.TensorProto:
    values = numpy_helper.to_array(weight)
    largest = np.abs(values).max(initial=0)
    if largest > _LARGEST:
        raise WeightsError(
            f"the weights {weight.name} reach {largest:g}, half precision ends at {_LARGEST:g}: use the backend "
            "tensorrt-fp32, or train with weight decay"
        )
    return numpy_helper.from_array(values.astype(np.float16), name)


def _cast(given: str, result: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [given], [result], to=kind)
