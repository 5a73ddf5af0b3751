"""The node's parameters: names, defaults, descriptions and ranges in one place, as one frozen dataclass.

Annotations with rclpy's generic classes are quoted throughout the package: before Kilted they are not generic.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, get_args

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from handos_model.geometry.depth_residual import DepthRange
from handos_model.inference.backends.selection import Backend
from handos_model.inference.plausibility import PlausibilityLimits
from handos_model.inference.smoothing import Smoothing
from handos_model.inference.tracking import TrackingSettings

_DEFAULT_TRACKING: Final = TrackingSettings()
_DEFAULT_SMOOTHING: Final = Smoothing()
_DEFAULT_LIMITS: Final = PlausibilityLimits()
_DEFAULT_DEPTHS: Final = DepthRange()
_CAMERA_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class ParameterRule:
    """Which values a parameter accepts, and when it may change."""

    description: str
    between: tuple[float, float] | None
    choices: tuple[str, ...]
    live: bool
    """Whether it may change while the node is configured."""

    def check(self, name: str, value: Any) -> None:
        """Raise ValueError if the value cannot be used. ROS itself checks the type, and the range with a tolerance."""
        if self.between is not None and not self.between[0] <= value <= self.between[1]:
            low, high = self.between
            raise ValueError(f"parameter {name} is {value!r}: give {low:g}..{high:g}")
        if self.choices and value not in self.choices:
            raise ValueError(f"parameter {name} is {value!r}: choose one of {', '.join(self.choices)}")


def _parameter(
    default: Any,
    description: str,
    *,
    between: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
    live: bool = False,
) -> Any:
    return field(default=default, metadata={"rule": ParameterRule(description, between, choices, live)})


@dataclass(frozen=True)
class NodeParameters:
    """Values of the parameters. `RULES` describes every field."""

    autostart: bool = _parameter(
        True, "Configure and activate at start-up; false: wait for a lifecycle manager, or `ros2 lifecycle set`."
    )
    cameras: Sequence[str] = _parameter(
        ("",),
        "Names of the cameras, which are the namespaces of their topics: with [left, right] left/image, "
        "right/image and so on. One empty name: a single camera, no namespace.",
    )
    image_transport: str = _parameter(
        "raw",
        "raw: sensor_msgs/Image on `image`; compressed: CompressedImage on `image`/compressed.",
        choices=("raw", "compressed"),
    )
    rectification: str = _parameter(
        "auto",
        "raw: images with lens distortion, K and D of camera_info apply; rectified: P applies; auto: rectified if the "
        "name of the image topic starts with image_rect.",
        choices=("auto", "raw", "rectified"),
    )
    signal_bits: int = _parameter(
        0,
        "Bits that the camera's signal has in images of 16 bits (mono16, bayer_*16, rgb16, bgr16, PNG), 8 to 16, "
        "counted from the lowest; 0: the fewest that hold the largest sample seen since activation.",
        between=(0, 16),
    )
    depth: bool = _parameter(
        False,
        "Subscribe to `depth` too (16UC1 millimetres or 32FC1 metres, aligned with the image) and place hands by it.",
    )
    depth_tolerance: float = _parameter(
        0.02, "Maximum difference in seconds between the stamps of image and depth.", between=(0.0, 1.0), live=True
    )
    min_depth: float = _parameter(
        _DEFAULT_DEPTHS.nearest,
        "Metres below which a depth is no measurement of a hand.",
        between=(0.0, 100.0),
        live=True,
    )
    max_depth: float = _parameter(
        _DEFAULT_DEPTHS.farthest,
        "Metres above which a depth is no measurement of a hand.",
        between=(0.1, 1000.0),
        live=True,
    )
    field_of_view: float = _parameter(
        0.0,
        "Degrees (1 to 179) along the longer side of the image, assumed without a usable camera_info: metres are then "
        "correct up to scale. 0: assume nothing and publish pixels only.",
        between=(0.0, 179.0),
        live=True,
    )
    max_age: float = _parameter(
        0.0, "Drop images older than this many seconds; 0: keep all.", between=(0.0, 60.0), live=True
    )
    weights: str = _parameter("", "ONNX file written by `handos export`; empty: the shipped weights.")
    mano: str = _parameter("", "Your MANO_RIGHT.pkl, for weights whose mesh is MANO's; empty: none.")
    backend: str = _parameter(
        "auto", "What runs the network; auto: the fastest that works here.", choices=tuple(get_args(Backend))
    )
    score_threshold: float = _parameter(
        0.0,
        "Minimum score of a new hand; 0: 1.2 times what the weights recommend for single images.",
        between=(0.0, 1.0),
        live=True,
    )
    keep_threshold: float = _parameter(
        0.0,
        "Minimum score at which a hand that is tracked already is kept; 0: 0.7 of what a new hand needs.",
        between=(0.0, 1.0),
        live=True,
    )
    max_hands: int = _parameter(
        0, "Maximum number of hands, best first; 0: as many as the network has slots for.", between=(0, 100), live=True
    )
    coast_time: float = _parameter(
        _DEFAULT_TRACKING.coast_time,
        "Seconds for which a hand out of sight is kept as COASTING; 0: it is gone at once.",
        between=(0.0, 5.0),
        live=True,
    )
    publish_tentative: bool = _parameter(
        True,
        "Whether to publish hands from their first image on, as TENTATIVE; false: from their third image on.",
        live=True,
    )
    smoothing: bool = _parameter(True, "Smooth joints, boxes and meshes over time; false: as measured.", live=True)
    smoothing_min_cutoff: float = _parameter(
        _DEFAULT_SMOOTHING.min_cutoff,
        "Hz, cutoff of the smoothing for a hand at rest; lower: less jitter.",
        between=(0.01, 100.0),
        live=True,
    )
    smoothing_speed_gain: float = _parameter(
        _DEFAULT_SMOOTHING.speed_gain,
        "Hz per m/s by which the cutoff rises with the hand's speed; higher: less delay.",
        between=(0.0, 1000.0),
        live=True,
    )
    min_distance: float = _parameter(
        _DEFAULT_LIMITS.min_distance,
        "Metres from the camera below which a hand loses its metres, because they cannot be true.",
        between=(0.0, 100.0),
        live=True,
    )
    max_distance: float = _parameter(
        _DEFAULT_LIMITS.max_distance,
        "Metres from the camera above which a hand loses its metres.",
        between=(0.1, 1000.0),
        live=True,
    )
    min_hand_length: float = _parameter(
        _DEFAULT_LIMITS.min_length,
        "Metres from the wrist along the middle finger to its tip below which a hand loses its metres.",
        between=(0.0, 1.0),
        live=True,
    )
    max_hand_length: float = _parameter(
        _DEFAULT_LIMITS.max_length,
        "Metres from the wrist along the middle finger to its tip above which a hand loses its metres.",
        between=(0.01, 10.0),
        live=True,
    )
    max_reprojection_error: float = _parameter(
        _DEFAULT_LIMITS.max_reprojection_error,
        "Distance between the projected 3D joints and the 2D joints (root mean square, as a fraction of the hand's "
        "size in the image) above which a hand loses its metres.",
        between=(0.01, 10.0),
        live=True,
    )
    meshes: bool = _parameter(True, "Whether to publish the vertices of every hand.", live=True)
    tf: bool = _parameter(True, "Broadcast the wrists on /tf, if tf2_ros is installed.")
    latency_limit: float = _parameter(
        100.0,
        "Milliseconds from receiving an image to publishing its hands (95th percentile) above which /diagnostics "
        "warns.",
        between=(1.0, 60000.0),
        live=True,
    )

    @property
    def weights_file(self) -> Path | None:
        """``None``: the shipped weights."""
        return Path(self.weights) if self.weights else None

    @property
    def mano_file(self) -> Path | None:
        """``None``: the mesh is this project's own."""
        return Path(self.mano) if self.mano else None

    @property
    def assumed_field_of_view(self) -> float | None:
        """Degrees; ``None``: assume nothing."""
        return self.field_of_view or None

    @property
    def tracking(self) -> TrackingSettings:
        """How hands are tracked."""
        smoothing = Smoothing(self.smoothing_min_cutoff, self.smoothing_speed_gain) if self.smoothing else None
        return TrackingSettings(coast_time=self.coast_time, smoothing=smoothing)

    @property
    def depth_range(self) -> DepthRange:
        """Which depths are measurements of a hand."""
        return DepthRange(self.min_depth, self.max_depth)

    @property
    def plausibility(self) -> PlausibilityLimits:
        """What hands in metres can be like."""
        return PlausibilityLimits(
            min_distance=self.min_distance,
            max_distance=self.max_distance,
            min_length=self.min_hand_length,
            max_length=self.max_hand_length,
            max_reprojection_error=self.max_reprojection_error,
        )

    def changed(self, changes: "Iterable[Parameter[Any]]", *, only_live: bool) -> "NodeParameters":
        """A copy with other values; parameters that are not the node's own, such as use_sim_time, are ignored.

        Raises
        ------
        ValueError
            If a value cannot be used, or must not change now.
        """
        own = {change.name: change.value for change in changes if change.name in RULES}
        for name, value in own.items():
            if only_live and not RULES[name].live and value != getattr(self, name):
                raise ValueError(
                    f"parameter {name} is read when the node is configured: deactivate and clean up the node first"
                )
            RULES[name].check(name, value)
        changed = replace(self, **own)
        _check_together(changed)
        return changed


RULES: Final[dict[str, ParameterRule]] = {entry.name: entry.metadata["rule"] for entry in fields(NodeParameters)}
"""By parameter name."""


class LiveParameters:
    """The node's current parameters; changes are checked before ROS accepts them.

    Raises
    ------
    ValueError, ParameterException
        If a value that the node was started with cannot be used.
    """

    def __init__(self, node: Node) -> None:
        self.current = declare_parameters(node)
        self.only_live = False
        """Whether parameters that are read at configuration must not change now."""
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, changes: "Sequence[Parameter[Any]]") -> SetParametersResult:
        try:
            self.current.changed(changes, only_live=self.only_live)
        except Exception as error:  # whatever it was: after an error here the service would never answer
            return SetParametersResult(successful=False, reason=str(error) or type(error).__name__)
        return SetParametersResult(successful=True)

    def _apply(self, changes: "Sequence[Parameter[Any]]") -> None:
        self.current = self.current.changed(changes, only_live=False)


def declare_parameters(node: Node) -> NodeParameters:
    """Declare all parameters on `node` and return their values.

    Raises
    ------
    ValueError
        If a value cannot be used. Values of another type or far out of their range are refused by ROS itself.
    """
    declared = [
        node.declare_parameter(entry.name, _ros_value(entry.default), _descriptor(entry.default, RULES[entry.name]))
        for entry in fields(NodeParameters)
    ]
    return NodeParameters().changed(declared, only_live=False)


def _check_together(parameters: NodeParameters) -> None:
    for name in ("depth", "distance", "hand_length"):
        low, high = getattr(parameters, f"min_{name}"), getattr(parameters, f"max_{name}")
        if low >= high:
            raise ValueError(f"parameter min_{name} is {low:g} and max_{name} {high:g}: give a smaller minimum")
    if parameters.keep_threshold > parameters.score_threshold > 0:
        raise ValueError(
            f"parameter keep_threshold is {parameters.keep_threshold:g} and score_threshold "
            f"{parameters.score_threshold:g}: give a lower keep_threshold"
        )
    if 0 < parameters.signal_bits < 8:
        raise ValueError(f"parameter signal_bits is {parameters.signal_bits}: give 8..16, or 0 to find it out")
    if 0 < parameters.field_of_view < 1:
        raise ValueError(f"parameter field_of_view is {parameters.field_of_view}: give 1..179 degrees, or 0 for none")
    names = list(parameters.cameras or ())  # rclpy has None for an empty list
    are_distinct = len(names) == len(set(names)) > 0
    if names != [""] and not (are_distinct and all(map(_CAMERA_NAME.fullmatch, names))):
        raise ValueError(
            f"parameter cameras is {names}: give every camera a name of its own, of letters, digits and underscores"
        )


def _ros_value(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


def _descriptor(default: Any, rule: ParameterRule) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=rule.description)
    if rule.choices:
        descriptor.additional_constraints = f"one of {', '.join(rule.choices)}"
    if rule.between is not None and isinstance(default, float):
        low, high = rule.between
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    elif rule.between is not None:
        low, high = rule.between
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return descriptor
