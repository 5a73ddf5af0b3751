"""Removes what cannot be true: hands and metres that are not finite, not in front of the camera, or contradictory.

Called before the tracker, so that nothing impossible stays in its state, and after it, before anything is published.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_model.hand.hand import Hand, MetricHand
from handos_model.hand.skeleton import JOINT_NAMES, ROOT_JOINT, WRIST

Rejection = Literal[
    "pixels not finite",
    "box upside down",
    "outside the image",
    "metres not finite",
    "behind the camera",
    "distance",
    "size",
    "reprojection",
    "uncertainty",
]
"""Why a hand was dropped (the first three) or lost its metres (the others)."""

MAX_OUTSIDE: Final = 1.0
"""Image sizes by which the joints of a hand may lie beyond the image's edge: some of a cut-off hand's do."""
_MIDDLE_FINGER: Final = (WRIST, *(k for k, name in enumerate(JOINT_NAMES) if name.startswith("middle")))
"""Joints from the wrist to the tip of the middle finger."""


@dataclass(frozen=True)
class PlausibilityLimits:
    """What a hand in metres can be like.

    Raises
    ------
    ValueError
        If a minimum is not below its maximum.
    """

    min_distance: float = 0.05
    """Metres from the camera to the middle knuckle."""
    max_distance: float = 20.0
    min_length: float = 0.08
    """Metres from the wrist along the bones to the tip of the middle finger: adults have 0.16 to 0.22."""
    max_length: float = 0.30
    max_reprojection_error: float = 0.25
    """Root mean square distance of the projected 3D joints from the 2D joints, as a fraction of the longest side of the
    2D joints' bounding box. The shipped network stays below 0.13, and below 0.24 with smoothing."""

    def __post_init__(self) -> None:
        for name in ("distance", "length"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if not 0 <= low < high:
                raise ValueError(f"min_{name} must be at least 0 and below max_{name}, got {low} and {high}")


@dataclass(frozen=True)
class CheckedHands:
    """The hands that can be true, and why others, or their metres, were removed."""

    hands: tuple[Hand, ...]
    rejections: tuple[Rejection, ...]


def check_hands(
    hands: Sequence[Hand],
    image_shape: tuple[int, ...],
    camera: CameraIntrinsics | None,
    lens: LensDistortion | None = None,
    limits: PlausibilityLimits = PlausibilityLimits(),
) -> CheckedHands:
    """Drop hands whose pixels cannot be true, and remove metres that cannot be.

    Parameters
    ----------
    hands
        Hands of one image.
    image_shape
        Height, width, ... of the image in pixels.
    camera, lens
        Of the image. Hands have no metres without intrinsics.
    limits
        What is plausible.
    """
    kept: list[Hand] = []
    rejections: list[Rejection] = []
    for hand in hands:
        rejection = _reject_pixels(hand, image_shape)
        if rejection is not None:
            rejections.append(rejection)
            continue
        if hand.metric is not None and camera is not None:
            rejection = _reject_metres(hand.metric, hand.joints_2d, camera, lens, limits)
        if rejection is not None or camera is None:
            hand = replace(hand, metric=None)
        if rejection is not None:
            rejections.append(rejection)
        kept.append(hand)
    return CheckedHands(tuple(kept), tuple(rejections))


def _reject_pixels(hand: Hand, image_shape: tuple[int, ...]) -> Rejection | None:
    box = hand.box.tolist()
    others = (hand.score, hand.handedness_score, *box, float(hand.joint_scores.sum()))
    xs, ys = hand.joints_2d.T.tolist()
    if not math.isfinite(sum(others) + sum(xs) + sum(ys)):
        return "pixels not finite"
    if box[0] > box[2] or box[1] > box[3]:
        return "box upside down"
    height, width = image_shape[:2]
    is_inside = min(xs) >= -MAX_OUTSIDE * width and max(xs) <= (1 + MAX_OUTSIDE) * width
    is_inside = is_inside and min(ys) >= -MAX_OUTSIDE * height and max(ys) <= (1 + MAX_OUTSIDE) * height
    return None if is_inside else "outside the image"


def _reject_metres(
    metric: MetricHand,
    joints_2d: FloatArray,
    camera: CameraIntrinsics,
    lens: LensDistortion | None,
    limits: PlausibilityLimits,
) -> Rejection | None:
    joints, vertices = metric.joints_3d.tolist(), metric.vertices
    # Sums instead of tests of every number: this runs for every vertex of every image.
    sigma = float(metric.joint_sigma.sum()) / len(joints)
    if not math.isfinite(sum(map(sum, joints)) + float(vertices.sum()) + sigma):
        return "metres not finite"
    if min(joint[2] for joint in joints) <= 0 or (len(vertices) and vertices[:, 2].min() <= 0):
        return "behind the camera"
    if not limits.min_distance <= math.hypot(*joints[ROOT_JOINT]) <= limits.max_distance:
        return "distance"
    if not limits.min_length <= _length(joints) <= limits.max_length:
        return "size"
    pixels = _project(joints, camera) if lens is None else lens.project(metric.joints_3d, camera).tolist()
    # Not >: a lens that does not reach the hand projects it to NaN.
    if not _relative_error(pixels, joints_2d.tolist()) <= limits.max_reprojection_error:
        return "reprojection"
    # More uncertain than the longest hand is long.
    return "uncertainty" if sigma > limits.max_length else None


def _length(joints: list[list[float]]) -> float:
    return sum(math.dist(joints[first], joints[second]) for first, second in pairwise(_MIDDLE_FINGER))


def _project(joints: list[list[float]], camera: CameraIntrinsics) -> list[list[float]]:
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    return [[fx * x / z + cx, fy * y / z + cy] for x, y, z in joints]


def _relative_error(pixels: list[list[float]], targets: list[list[float]]) -> float:
    """Root mean square distance from the targets as a fraction of the longest side of their bounding box."""
    squares = sum((u - x) ** 2 + (v - y) ** 2 for (u, v), (x, y) in zip(pixels, targets, strict=True))
    xs, ys = zip(*targets, strict=True)
    size = max(max(xs) - min(xs), max(ys) - min(ys), 1.0)
    return math.sqrt(squares / len(targets)) / size
