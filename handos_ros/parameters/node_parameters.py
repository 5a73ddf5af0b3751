"""The parameters of the node `handos`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from handos_model.geometry.depth_residual import DepthRange
from handos_model.hand_size.operator_size import require_operator_name
from handos_model.inference.backends.selection import Backend
from handos_model.inference.plausibility import PlausibilityLimits
from handos_model.inference.smoothing import Smoothing
from handos_model.inference.tracking import TrackingSettings
from handos_ros.parameters.parameter_set import ParameterSet, parameter, rules_of

_DEFAULT_TRACKING: Final = TrackingSettings()
_DEFAULT_SMOOTHING: Final = Smoothing()
_DEFAULT_LIMITS: Final = PlausibilityLimits()
_DEFAULT_DEPTHS: Final = DepthRange()
_FRAME_NAME: Final = re.compile(r"[^\s/]\S*")
CAMERA_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class NodeParameters(ParameterSet):
    """Values of the parameters. `RULES` describes every field."""

    cameras: Sequence[str] = parameter(
        ("",),
        "Names of the cameras, which are the namespaces of their topics: with [left, right] left/image, "
        "right/image and so on. One empty name: a single camera, no namespace.",
    )
    image_transport: str = parameter(
        "raw",
        "raw: sensor_msgs/Image on `image`; compressed: CompressedImage on `image`/compressed.",
        choices=("raw", "compressed"),
    )
    rectification: str = parameter(
        "auto",
        "raw: images with lens distortion, K and D of camera_info apply; rectified: P applies; auto: rectified if the "
        "name of the image topic starts with image_rect.",
        choices=("auto", "raw", "rectified"),
    )
    signal_bits: int = parameter(
        0,
        "Bits that the camera's signal has in images of 16 bits (mono16, bayer_*16, rgb16, bgr16, PNG), 8 to 16, "
        "counted from the lowest; 0: the fewest that hold the largest sample seen since activation.",
        between=(0, 16),
    )
    depth: bool = parameter(
        False,
        "Subscribe to `depth` too (16UC1 millimetres or 32FC1 metres, aligned with the image) and place hands by it.",
    )
    depth_tolerance: float = parameter(
        0.02, "Maximum difference in seconds between the stamps of image and depth.", between=(0.0, 1.0), live=True
    )
    min_depth: float = parameter(
        _DEFAULT_DEPTHS.nearest,
        "Metres below which a depth is no measurement of a hand.",
        between=(0.0, 100.0),
        live=True,
    )
    max_depth: float = parameter(
        _DEFAULT_DEPTHS.farthest,
        "Metres above which a depth is no measurement of a hand.",
        between=(0.1, 1000.0),
        live=True,
    )
    field_of_view: float = parameter(
        0.0,
        "Degrees (1 to 179) along the longer side of the image, assumed without a usable camera_info: metres are then "
        "correct up to scale. 0: assume nothing and publish pixels only.",
        between=(0.0, 179.0),
        live=True,
    )
    max_age: float = parameter(
        0.0, "Drop images older than this many seconds; 0: keep all.", between=(0.0, 60.0), live=True
    )
    weights: str = parameter("", "ONNX file written by `handos export`; empty: the shipped weights.")
    mano: str = parameter("", "Your MANO_RIGHT.pkl, for weights whose mesh is MANO's; empty: none.")
    backend: str = parameter(
        "auto", "What runs the network; auto: the fastest that works here.", choices=tuple(get_args(Backend))
    )
    resolution: int = parameter(
        0,
        "Side in pixels of a square with as many pixels as the network's inputs, for weights that were trained on "
        "several sizes: small hands need a larger one. 0: as the weights recommend, on GPUs up to 640.",
        between=(0, 4096),
    )
    score_threshold: float = parameter(
        0.0,
        "Minimum score of a new hand; 0: 1.2 times what the weights recommend for single images.",
        between=(0.0, 1.0),
        live=True,
    )
    keep_threshold: float = parameter(
        0.0,
        "Minimum score at which a hand that is tracked already is kept; 0: 0.7 of what a new hand needs.",
        between=(0.0, 1.0),
        live=True,
    )
    max_hands: int = parameter(
        0, "Maximum number of hands, best first; 0: as many as the network has slots for.", between=(0, 100), live=True
    )
    coast_time: float = parameter(
        _DEFAULT_TRACKING.coast_time,
        "Seconds for which a hand out of sight is kept as COASTING; 0: it is gone at once.",
        between=(0.0, 5.0),
        live=True,
    )
    publish_tentative: bool = parameter(
        True,
        "Whether to publish hands from their first image on, as TENTATIVE; false: from their third image on.",
        live=True,
    )
    smoothing: bool = parameter(True, "Smooth joints, boxes and meshes over time; false: as measured.", live=True)
    smoothing_min_cutoff: float = parameter(
        _DEFAULT_SMOOTHING.min_cutoff,
        "Hz, cutoff of the smoothing for a hand at rest; lower: less jitter.",
        between=(0.01, 100.0),
        live=True,
    )
    smoothing_speed_gain: float = parameter(
        _DEFAULT_SMOOTHING.speed_gain,
        "Hz per m/s by which the cutoff rises with the hand's speed; higher: less delay.",
        between=(0.0, 1000.0),
        live=True,
    )
    min_distance: float = parameter(
        _DEFAULT_LIMITS.min_distance,
        "Metres from the camera below which a hand loses its metres, because they cannot be true.",
        between=(0.0, 100.0),
        live=True,
    )
    max_distance: float = parameter(
        _DEFAULT_LIMITS.max_distance,
        "Metres from the camera above which a hand loses its metres.",
        between=(0.1, 1000.0),
        live=True,
    )
    min_hand_length: float = parameter(
        _DEFAULT_LIMITS.min_length,
        "Metres from the wrist along the middle finger to its tip below which a hand loses its metres.",
        between=(0.0, 1.0),
        live=True,
    )
    max_hand_length: float = parameter(
        _DEFAULT_LIMITS.max_length,
        "Metres from the wrist along the middle finger to its tip above which a hand loses its metres.",
        between=(0.01, 10.0),
        live=True,
    )
    max_reprojection_error: float = parameter(
        _DEFAULT_LIMITS.max_reprojection_error,
        "Distance between the projected 3D joints and the 2D joints (root mean square, as a fraction of the hand's "
        "size in the image) above which a hand loses its metres.",
        between=(0.01, 10.0),
        live=True,
    )
    operator: str = parameter(
        "",
        "Whose hands are seen: their size is read from operators_folder and all hands are scaled to it. With depth, an "
        "operator without a file is measured and kept. Empty: the size is unknown.",
    )
    operators_folder: str = parameter(
        "", "Folder with one file per operator; empty: handos/operators in $XDG_DATA_HOME (~/.local/share)."
    )
    calibration_time: float = parameter(
        5.0, "Seconds for which the operator's hands are measured by depth.", between=(1.0, 60.0), live=True
    )
    meshes: bool = parameter(True, "Whether to publish the vertices of every hand.", live=True)
    tf: bool = parameter(True, "Broadcast the wrists on /tf, if tf2_ros is installed.")
    frame_prefix: str = parameter(
        "auto",
        "What stands in front of the names of the wrists' frames on /tf, and of the camera's name in them; auto: the "
        "node's full name, as in handos/left_wrist.",
    )
    target_frame: str = parameter(
        "",
        "Frame of wrist poses, fingertips and 3D detections, such as the robot's base: they are transformed with tf2 "
        "at the image's stamp. Empty: the camera's own frame.",
    )
    on_demand: bool = parameter(False, "Subscribe to images only while somebody listens to what the node publishes.")
    latency_limit: float = parameter(
        500.0,
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
    def operators_path(self) -> Path | None:
        """``None``: the user's own folder."""
        return Path(self.operators_folder).expanduser() if self.operators_folder else None

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

    def check_together(self) -> None:
        """Raise ValueError if values contradict each other."""
        for name in ("depth", "distance", "hand_length"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if low >= high:
                raise ValueError(f"parameter min_{name} is {low:g} and max_{name} {high:g}: give a smaller minimum")
        if self.keep_threshold > self.score_threshold > 0:
            raise ValueError(
                f"parameter keep_threshold is {self.keep_threshold:g} and score_threshold "
                f"{self.score_threshold:g}: give a lower keep_threshold"
            )
        self._check_gaps()
        self._check_names()

    def _check_gaps(self) -> None:
        """Between 0, which has a meaning of its own, and the smallest value that can be used."""
        if 0 < self.signal_bits < 8:
            raise ValueError(f"parameter signal_bits is {self.signal_bits}: give 8..16, or 0 to find it out")
        if 0 < self.field_of_view < 1:
            raise ValueError(f"parameter field_of_view is {self.field_of_view}: give 1..179 degrees, or 0 for none")

    def _check_names(self) -> None:
        for name in ("frame_prefix", "target_frame"):
            value = getattr(self, name)
            if value and not _FRAME_NAME.fullmatch(value):
                raise ValueError(
                    f"parameter {name} is {value!r}: give a name without spaces and without a slash in front"
                )
        if self.operator:
            require_operator_name(self.operator)
        names = list(self.cameras or ())  # rclpy has None for an empty list
        are_distinct = len(names) == len(set(names)) > 0
        if names != [""] and not (are_distinct and all(map(CAMERA_NAME.fullmatch, names))):
            raise ValueError(
                f"parameter cameras is {names}: give every camera a name of its own, of letters, digits and underscores"
            )


RULES: Final = rules_of(NodeParameters)
"""By parameter name."""
