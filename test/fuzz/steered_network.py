"""A network that does what its image says: grey bars move its hands, hide them, and damage its numbers.

It runs in the real ONNX Runtime, like `fixed_answer_graph`, whose two hands it moves.
"""

import math
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from fixed_answer_graph import INPUT_SIZE, SLOTS, metadata, two_hands
from onnx import TensorProto, helper, numpy_helper

from handos_model.geometry.arrays import ImageArray
from handos_model.hand.topology import HandTopology


class Bar(IntEnum):
    """Bars from left to right; each is a number 0..1, black to white."""

    X = 0
    Y = 1
    SIZE = 2
    FIRST_SCORE = 3
    SECOND_SCORE = 4
    SIDES = 5
    """Above 3/4 the hands are mirrored."""
    DAMAGE = 6
    """Index of `DAMAGES`."""
    DAMAGED = 7
    """Output that is damaged: the whole, or one number of it."""


DAMAGES: Final = (1, 1, 1, 1, 1, 1, math.nan, math.inf, -math.inf, -1, 0, 1e30, 1e-30, 10, 1.3, 0.3)
"""Factors; those of undamaged numbers first."""
NORMAL: Final = (0.5, 0.5, 0.5, 0.9, 0.8, 0.5, 0.0, 0.0)
"""Bars of an image with both hands in their places."""
NOTHING: Final = (0.0,) * len(Bar)
"""Bars of a black image: no hands."""
_TRAVEL: Final = (200.0, 160.0)
"""Pixels of the network's input by which hands move from bar 0 to bar 1."""


def draw_bars(bars: npt.ArrayLike, height: int, width: int) -> ImageArray:
    """Grey image (H, W) of these bars (8,)."""
    columns = np.arange(width) * len(Bar) // width
    levels = np.round(np.clip(bars, 0, 1) * np.float64(255)).astype(np.uint8)
    return np.tile(levels[columns], (height, 1))


def write_steered_network(path: Path) -> Path:
    """Write the network's ONNX file."""
    topology = HandTopology.load()
    known = two_hands(topology)
    builder = _Builder()
    bars = _read_bars(builder)
    outputs = _hands(builder, bars, known)
    damaged = _damage(builder, bars, outputs, {name: values.shape for name, values in known.items()})
    for name, source in damaged.items():
        builder.nodes.append(helper.make_node("Identity", [source], [name]))
    graph = helper.make_graph(
        builder.nodes,
        "steered",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, (1, INPUT_SIZE, INPUT_SIZE, 3))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape) for name, values in known.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata(topology.id))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


class _Builder:
    """Collects the nodes of a graph; values are named by number."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, values: npt.ArrayLike, kind: npt.DTypeLike = np.float32) -> str:
        """Name of a constant."""
        return self.apply("Constant", value=numpy_helper.from_array(np.ascontiguousarray(values, kind)))

    def apply(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Name of an operator's output."""
        name = f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def slice(self, values: str, first: int, end: int, axis: int) -> str:
        """Part of a tensor along an axis."""
        return self.apply("Slice", values, *(self.constant([n], np.int64) for n in (first, end, axis)))


def _read_bars(builder: _Builder) -> str:
    """(8,) levels of the bars, 0..1, from the middle of the image."""
    middle, width = INPUT_SIZE // 2, INPUT_SIZE // len(Bar)
    rows = builder.apply("Cast", builder.slice("image", middle - 10, middle + 10, 1), to=TensorProto.FLOAT)
    columns = builder.apply("ReduceMean", rows, axes=[0, 1, 3], keepdims=0)
    columns = builder.apply("Reshape", columns, builder.constant([len(Bar), width], np.int64))
    columns = builder.slice(columns, width // 4, 3 * width // 4, 1)
    return builder.apply("Div", builder.apply("ReduceMean", columns, axes=[1], keepdims=0), builder.constant(255))


def _hands(builder: _Builder, bars: str, known: dict[str, npt.NDArray[np.float32]]) -> dict[str, str]:
    """The outputs, moved, scaled and mirrored."""

    def bar(number: Bar) -> str:
        return builder.slice(bars, number, number + 1, 0)

    mirror = builder.apply("Where", builder.apply("Greater", bar(Bar.SIDES), builder.constant(0.75)),
                           builder.constant([-1, 1, 1]), builder.constant([1, 1, 1]))  # fmt: skip
    vertices, joints_3d = (
        builder.apply("Mul", builder.constant(known[name]), mirror) for name in ("vertices", "joints_3d")
    )
    from_middle = builder.apply("Sub", builder.slice(bars, Bar.X, Bar.Y + 1, 0), builder.constant(0.5))
    step = builder.apply("Mul", from_middle, builder.constant(np.multiply([[1, 1], [-1, 1]] * (SLOTS // 2), _TRAVEL)))
    pixels = builder.apply("Add", builder.constant(known["camera"][:, :2]), step)
    factor = builder.apply("Add", builder.apply("Mul", bar(Bar.SIZE), builder.constant(1.2)), builder.constant(0.4))
    scale = builder.apply("Mul", builder.constant(known["camera"][:, 2:]), factor)
    axis = builder.constant([1], np.int64)
    offsets = builder.apply("Mul", builder.slice(joints_3d, 0, 2, 2), builder.apply("Unsqueeze", scale, axis))
    joints_2d = builder.apply("Add", builder.apply("Unsqueeze", pixels, axis), offsets)
    corners = [builder.apply(name, joints_2d, axes=[1], keepdims=0) for name in ("ReduceMin", "ReduceMax")]
    scores = [bar(Bar.FIRST_SCORE), bar(Bar.SECOND_SCORE), builder.constant(np.zeros(SLOTS - 2))]
    return {
        "scores": builder.apply("Concat", *scores, axis=0),
        "boxes": builder.apply("Concat", *corners, axis=1),
        "joints_2d": joints_2d,
        "joint_spread": builder.constant(known["joint_spread"]),
        "vertices": vertices,
        "joints_3d": joints_3d,
        "camera": builder.apply("Concat", pixels, scale, axis=1),
    }


def _damage(
    builder: _Builder, bars: str, outputs: dict[str, str], shapes: dict[str, tuple[int, ...]]
) -> dict[str, str]:
    """Multiply one of the outputs, or one of its numbers, by one of `DAMAGES`."""
    places = [(name, whole) for name in outputs for whole in (True, False)]
    scaled = builder.apply("Mul", builder.slice(bars, Bar.DAMAGE, Bar.DAMAGED + 1, 0),
                           builder.constant([len(DAMAGES) - 0.01, len(places) - 0.01]))  # fmt: skip
    damage, place = (builder.slice(builder.apply("Floor", scaled), k, k + 1, 0) for k in (0, 1))
    index = builder.apply("Add", builder.apply("Mul", place, builder.constant(len(DAMAGES))), damage)
    index = builder.apply("Cast", index, to=TensorProto.INT64)

    def factor(name: str, whole: bool) -> str:
        table = np.ones((len(places), len(DAMAGES)))
        table[places.index((name, whole))] = DAMAGES
        return builder.apply("Gather", builder.constant(table.ravel()), index)

    damaged = {}
    for name, values in outputs.items():
        one = np.zeros(shapes[name], bool)
        one.reshape(len(one), -1)[0, -1] = True
        factors = builder.apply("Where", builder.constant(one, bool), factor(name, False), factor(name, True))
        damaged[name] = builder.apply("Mul", values, factors)
    return damaged
