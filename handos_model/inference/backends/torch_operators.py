"""The ONNX operators of HandOS networks in torch: those that `handos export` writes, as opset 17 defines them.

Every entry of `OPERATORS` turns a node into a function of the node's inputs. Shapes must be constant in the file: a
captured CUDA graph has fixed shapes.

Definitions: https://onnx.ai/onnx/operators/
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Function = Callable[..., Tensor | Sequence[Tensor]]

_ELEMENT_TYPES: Final = {
    1: torch.float32,
    2: torch.uint8,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
}
"""By the numbers of onnx.TensorProto.DataType."""


class UnknownOperatorError(ValueError):
    """A network uses an operator that is not implemented here, or not in this way."""


@dataclass(frozen=True)
class Node:
    """An operator of the graph with what is constant about it."""

    operator: str
    attributes: Mapping[str, Any]
    inputs: Sequence[str]
    """Names; empty for an input left out."""
    outputs: Sequence[str]
    constants: Mapping[str, Tensor]
    """By name."""

    def has(self, index: int) -> bool:
        """Whether input `index` is given."""
        return index < len(self.inputs) and bool(self.inputs[index])

    def constant(self, index: int) -> Tensor:
        """Value of a constant input."""
        name = self.inputs[index]
        if name not in self.constants:
            raise UnknownOperatorError(f"input {index} of {self.operator} must be constant, {name} is computed")
        return self.constants[name]

    def integers(self, index: int) -> list[int]:
        """Values of a constant integer input."""
        return [int(value) for value in self.constant(index).flatten().tolist()]

    def number(self, index: int) -> float | None:
        """Value of a constant input with one element; ``None`` if it is left out."""
        return float(self.constant(index).item()) if self.has(index) else None

    def require(self, attribute: str, *known: object) -> None:
        """Raise if an attribute is given and its value is not among the known ones."""
        value = self.attributes.get(attribute, known[0])
        if value not in known:
            raise UnknownOperatorError(f"{attribute}={value!r} of {self.operator} is not known, only {known} is")


def function_of(node: Node) -> Function:
    """The function that computes a node's outputs from its inputs.

    Raises
    ------
    UnknownOperatorError
        If no HandOS network uses the operator, or uses it in this way.
    """
    if node.operator not in OPERATORS:
        raise UnknownOperatorError(f"the operator {node.operator} is not known")
    return OPERATORS[node.operator](node)


def _constantly(function: Function) -> Callable[[Node], Function]:
    return lambda node: function


def _clip(node: Node) -> Function:
    low, high = node.number(1), node.number(2)
    return lambda x, *_: x.clamp(low, high)


def _concat(node: Node) -> Function:
    axis = node.attributes["axis"]
    return lambda *parts: torch.cat(parts, dim=axis)


def _convolution(node: Node) -> Function:
    node.require("auto_pad", b"NOTSET")
    stride, dilation = node.attributes.get("strides", (1, 1)), node.attributes.get("dilations", (1, 1))
    groups = node.attributes.get("group", 1)
    top, left, bottom, right = node.attributes.get("pads", (0, 0, 0, 0))
    if (top, left) != (bottom, right):
        raise UnknownOperatorError(f"pads of {node.operator} differ between sides: {(top, left, bottom, right)}")
    return lambda x, weight, bias=None: F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)


def _expand(node: Node) -> Function:
    shape = tuple(node.integers(1))
    return lambda x, _: x.expand(np.broadcast_shapes(x.shape, shape))


def _gather(node: Node) -> Function:
    axis = node.attributes.get("axis", 0)

    def gather(x: Tensor, indices: Tensor) -> Tensor:
        at, wanted = axis % x.dim(), indices.flatten()
        picked = x.index_select(at, torch.where(wanted < 0, wanted + x.shape[at], wanted))
        return picked.reshape(*x.shape[:at], *indices.shape, *x.shape[at + 1 :])

    return gather


def _gather_elements(node: Node) -> Function:
    axis = node.attributes.get("axis", 0)
    return lambda x, indices: x.gather(axis, indices)


def _gemm(node: Node) -> Function:
    for factor in ("alpha", "beta"):
        node.require(factor, 1.0)
    turn_first, turn_second = node.attributes.get("transA", 0), node.attributes.get("transB", 0)

    def gemm(a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        product = (a.T if turn_first else a) @ (b.T if turn_second else b)
        return product if c is None else product + c

    return gemm


def _grid_sample(node: Node) -> Function:
    mode = node.attributes.get("mode", b"bilinear").decode()
    padding = node.attributes.get("padding_mode", b"zeros").decode()
    align_corners = bool(node.attributes.get("align_corners", 0))
    return lambda x, grid: F.grid_sample(x, grid, mode, padding, align_corners)


def _layer_normalization(node: Node) -> Function:
    node.require("axis", -1)
    epsilon = node.attributes.get("epsilon", 1e-5)
    return lambda x, scale, bias=None: F.layer_norm(x, scale.shape, scale, bias, epsilon)


def _reduction(reduce: Callable[..., Tensor]) -> Callable[[Node], Function]:
    def of_node(node: Node) -> Function:
        axes = node.attributes.get("axes") or node.integers(1)
        keep = bool(node.attributes.get("keepdims", 1))
        return lambda x, *_: reduce(x, tuple(axes), keep)

    return of_node


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    if len(axes) != 1:
        raise UnknownOperatorError(f"ReduceProd over several axes {axes} is not known")
    return x.prod(axes[0], keepdim=keep)


def _reshape(node: Node) -> Function:
    sizes, zero_is_zero = node.integers(1), node.attributes.get("allowzero", 0)

    def reshape(x: Tensor, _: Tensor) -> Tensor:
        return x.reshape([x.shape[k] if size == 0 and not zero_is_zero else size for k, size in enumerate(sizes)])

    return reshape


def _resize(node: Node) -> Function:
    node.require("mode", b"nearest")
    node.require("coordinate_transformation_mode", b"asymmetric")
    node.require("nearest_mode", b"floor")
    factors = tuple(float(factor) for factor in node.constant(2).tolist())[2:]
    return lambda x, *_: F.interpolate(x, scale_factor=factors, mode="nearest")


def _slice(node: Node) -> Function:
    starts, ends = node.integers(1), node.integers(2)
    axes = node.integers(3) if node.has(3) else list(range(len(starts)))
    steps = node.integers(4) if node.has(4) else [1] * len(starts)
    if min(steps) < 1:
        raise UnknownOperatorError(f"Slice with steps {steps} is not known")

    def cut(x: Tensor, *_: Tensor) -> Tensor:
        index = [slice(None)] * x.dim()
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
            index[axis] = slice(start, end, step)
        return x[tuple(index)]

    return cut


def _softmax(node: Node) -> Function:
    axis = node.attributes.get("axis", -1)
    return lambda x: x.softmax(axis)


def _split(node: Node) -> Function:
    axis, parts = node.attributes.get("axis", 0), len(node.outputs)
    sizes = node.integers(1) if node.has(1) else None
    return lambda x, *_: x.split(sizes or x.shape[axis] // parts, axis)


def _squeeze(node: Node) -> Function:
    axes = tuple(node.integers(1))
    return lambda x, _: x.squeeze(axes)


def _pad(node: Node) -> Function:
    node.require("mode", b"constant")
    pads, value = node.integers(1), node.number(2) or 0.0
    # torch wants (before, after) pairs from the last axis on; ONNX has all values before, then all after.
    around = [pads[axis + end] for axis in reversed(range(len(pads) // 2)) for end in (0, len(pads) // 2)]
    return lambda x, *_: F.pad(x, around, value=value)


def _tile(node: Node) -> Function:
    repeats = node.integers(1)
    return lambda x, _: x.repeat(repeats)


def _topk(node: Node) -> Function:
    axis, largest = node.attributes.get("axis", -1), bool(node.attributes.get("largest", 1))
    (count,) = node.integers(1)
    return lambda x, _: x.topk(count, axis, largest, sorted=True)


def _transpose(node: Node) -> Function:
    order = node.attributes["perm"]
    return lambda x: x.permute(order)


def _trilu(node: Node) -> Function:
    diagonal = int(node.number(1) or 0)
    cut = torch.triu if node.attributes.get("upper", 1) else torch.tril
    return lambda x, *_: cut(x, diagonal)


def _unsqueeze(node: Node) -> Function:
    axes = node.integers(1)

    def unsqueeze(x: Tensor, _: Tensor) -> Tensor:
        for axis in sorted(axis % (x.dim() + len(axes)) for axis in axes):
            x = x.unsqueeze(axis)
        return x

    return unsqueeze


def _cast(node: Node) -> Function:
    node.require("to", *_ELEMENT_TYPES)
    kind = _ELEMENT_TYPES[node.attributes["to"]]
    return lambda x: x.to(kind)


OPERATORS: Final[Mapping[str, Callable[[Node], Function]]] = {
    "Abs": _constantly(torch.abs),
    "Add": _constantly(torch.add),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _convolution,
    "Div": _constantly(torch.div),
    "Erf": _constantly(torch.erf),
    "Exp": _constantly(torch.exp),
    "Expand": _expand,
    "Floor": _constantly(torch.floor),
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Gemm": _gemm,
    "GridSample": _grid_sample,
    "Identity": _constantly(lambda x: x),
    "LayerNormalization": _layer_normalization,
    "Less": _constantly(torch.lt),
    "Log": _constantly(torch.log),
    "MatMul": _constantly(torch.matmul),
    "Max": _constantly(torch.maximum),
    "Min": _constantly(torch.minimum),
    "Mul": _constantly(torch.mul),
    "Pad": _pad,
    "ReduceMax": _reduction(torch.amax),
    "ReduceMean": _reduction(torch.mean),
    "ReduceProd": _reduction(_product),
    "ReduceSum": _reduction(torch.sum),
    "Relu": _constantly(torch.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": _constantly(torch.sigmoid),
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _split,
    "Squeeze": _squeeze,
    "Sub": _constantly(torch.sub),
    "Tile": _tile,
    "TopK": _topk,
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
