"""The node's parameters: declared with description and range, read once into a frozen dataclass."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

ImageTransport = Literal["raw", "compressed"]

_Value = TypeVar("_Value", str, bool, int, float)


@dataclass(frozen=True)
class NodeParameters:
    """What the node was told."""

    weights: Path | None
    """ONNX file; ``None``: the shipped one."""
    image_transport: ImageTransport
    score_threshold: float | None
    """0..1; ``None``: what the weights recommend."""
    max_hands: int | None
    """``None``: as many as the network has slots for."""
    meshes: bool
    """Whether `Hand.vertices` is filled."""
    field_of_view: float | None
    """Degrees along the longer side of the image, assumed without camera_info; ``None``: assume nothing."""


_DESCRIPTIONS: Final = {
    "weights": "ONNX file written by `handos export`; empty: the shipped weights.",
    "image_transport": "raw: sensor_msgs/Image on `image`; compressed: CompressedImage on `image`/compressed.",
    "score_threshold": "Least score of a hand; 0: what the weights recommend.",
    "max_hands": "Publish at most this many hands, the best; 0: as many as the network has slots for.",
    "meshes": "Whether to publish the vertices of every hand.",
    "field_of_view": "Degrees along the longer side of the image, assumed where there is no usable camera_info: metres "
    "are then right up to a common factor. 0: assume nothing and publish pixels only.",
}


def declare_parameters(node: Node) -> NodeParameters:
    """Declare all parameters on `node` and return their values.

    Raises
    ------
    ValueError
        If a value is none of the choices. Values out of their range are refused by ROS itself.
    """
    weights = _declare(node, "weights", "")
    return NodeParameters(
        weights=Path(weights) if weights else None,
        image_transport=_declare_image_transport(node),
        score_threshold=_declare(node, "score_threshold", 0.0, upper=1.0) or None,
        max_hands=_declare(node, "max_hands", 0, upper=100) or None,
        meshes=_declare(node, "meshes", True),
        field_of_view=_declare(node, "field_of_view", 0.0, upper=179.0) or None,
    )


def _declare_image_transport(node: Node) -> ImageTransport:
    chosen = _declare(node, "image_transport", "raw")
    for choice in get_args(ImageTransport):
        if chosen == choice:
            return choice  # type: ignore[no-any-return]  # get_args forgets the type of its elements
    raise ValueError(f"parameter image_transport is {chosen!r}: choose one of {', '.join(get_args(ImageTransport))}")


def _declare(node: Node, name: str, default: _Value, upper: float | None = None) -> _Value:
    """Declare one parameter, in 0..`upper` where that is given, and return its value."""
    # Read only, because the pipeline is built from it once: ROS then refuses a change instead of ignoring it.
    descriptor = ParameterDescriptor(description=_DESCRIPTIONS[name], read_only=True)
    if isinstance(default, float) and upper is not None:
        descriptor.floating_point_range = [FloatingPointRange(from_value=0.0, to_value=upper)]
    elif upper is not None:
        descriptor.integer_range = [IntegerRange(from_value=0, to_value=int(upper), step=1)]
    return node.declare_parameter(name, default, descriptor).value
