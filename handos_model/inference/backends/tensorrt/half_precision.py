"""Converts the heavy operators of an ONNX graph to half precision.

TensorRT 11 takes the precision of every layer from the graph, and TensorRT 10 can. Convolutions and matrix products,
nearly all of the work, become half; everything between them stays single: coordinates, normalisations, softmax. A Clip
or Relu after one of them is converted as well: its results are the same, and TensorRT can fuse it.
"""

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from handos_model.architecture.contract import WeightsError

_HEAVY: Final = frozenset({"Conv", "Gemm", "MatMul"})
_FUSIBLE: Final = frozenset({"Clip", "Relu"})
_MAX_HALF: Final = float(np.finfo(np.float16).max)


def convert_to_half_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of `model` with heavy operators in half precision; inputs and outputs stay in single precision.

    Raises
    ------
    WeightsError
        If a weight is too large for half precision.
    """
    converter = _Converter(model)
    for node in model.graph.node:
        converter.add(node)
    return converter.finish()


class _Converter:
    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = onnx.ModelProto()
        self._model.CopyFrom(model)
        del self._model.graph.node[:]
        self._weights = {weight.name: weight for weight in model.graph.initializer}
        self._half_names: dict[str, str] = {}
        """Names of tensors in single precision -> names of their copies in half precision."""
        self._computed_in_half: set[str] = set()

    def add(self, node: onnx.NodeProto) -> None:
        heavy = node.op_type in _HEAVY
        if not heavy and not (node.op_type in _FUSIBLE and node.input[0] in self._computed_in_half):
            self._model.graph.node.append(node)
            return
        half = onnx.NodeProto()
        half.CopyFrom(node)
        half.input[:] = [self._half_of(name) if name else "" for name in node.input]
        half.output[:] = [f"{node.output[0]}_half"]
        self._half_names[node.output[0]] = half.output[0]
        self._computed_in_half.add(node.output[0])
        self._model.graph.node.extend([half, _cast(half.output[0], node.output[0], TensorProto.FLOAT)])

    def finish(self) -> onnx.ModelProto:
        """Remove unused weights and casts and return the model."""
        graph = self._model.graph
        used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
        nodes = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in used]
        weights = [weight for weight in graph.initializer if weight.name in used]
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(weights)
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
    if largest > _MAX_HALF:
        raise WeightsError(
            f"the weights {weight.name} reach {largest:g}, beyond the maximum of half precision, {_MAX_HALF:g}: use "
            "the backend tensorrt-fp32, or train with weight decay"
        )
    return numpy_helper.from_array(values.astype(np.float16), name)


def _cast(source: str, target: str, element_type: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], to=element_type)
