"""Hands of the network beside their truth, and the ways to place them that `operator_hand_size.py` compares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from handos_model import CameraIntrinsics
from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.evaluation.matching import match_boxes
from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.geometry.projection import project, to_ray_frame
from handos_model.geometry.translation_fit import fit_root_position
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import ROOT_JOINT, WRIST
from handos_model.hand.topology import HandTopology
from handos_model.hand_size.palm import ASSUMED_PALM_LENGTH, palm_length
from handos_model.hand_size.scaling import scale_hands
from handos_model.inference.depth_alignment import align_to_depth

BACKGROUND: Final = 4.0
"""Metres, of simulated depth images."""
DEPTH_NOISE: Final = 0.01
"""Relative standard deviation of simulated depth."""
IN_SIGHT: Final = 0.6
"""Minimum fraction of visible joints of a hand in plain sight."""


@dataclass(frozen=True)
class Pair:
    """An estimated hand and its truth."""

    hand: Hand
    truth: AnnotatedHand
    camera: CameraIntrinsics
    shape: tuple[int, ...]
    seconds: float
    """Since the beginning of its sequence."""

    @property
    def true_joints(self) -> Float64Array:
        """(21, 3) metres."""
        return np.asarray(self.truth.joints_3d, np.float64)

    @property
    def known_scale(self) -> float:
        """Of an operator whose palm was measured with a perfect ruler."""
        return float(palm_length(self.true_joints)) / ASSUMED_PALM_LENGTH

    @property
    def in_sight(self) -> bool:
        """Whether most joints are visible."""
        visible = self.truth.visibility
        return visible is not None and bool(visible.mean() >= IN_SIGHT)


def joints_of(hand: Hand) -> Float64Array:
    """(21, 3) metres."""
    assert hand.joints_3d is not None
    return hand.joints_3d.astype(np.float64)


def wrist_error(hand: Hand, truth: AnnotatedHand) -> float:
    """Distance of the wrists as a fraction of the true one from the camera."""
    assert truth.joints_3d is not None
    true_wrist = truth.joints_3d[WRIST].astype(np.float64)
    return float(np.linalg.norm(joints_of(hand)[WRIST] - true_wrist) / np.linalg.norm(true_wrist))


def pairs_of(image: AnnotatedImage, hands: Sequence[Hand], seconds: float = 0.0) -> list[Pair]:
    """Estimated hands and their truth, matched by the boxes around their joints."""
    height, width = image.image.shape[:2]
    boxes = [[box_around_joints(hand.joints_2d, width, height) for hand in group] for group in (hands, image.hands)]
    assert image.camera is not None
    return [
        Pair(hands[i], image.hands[j], image.camera, image.image.shape, seconds)
        for i, j in match_boxes(boxes[0], boxes[1])
    ]


def scaled(hand: Hand, scale: float) -> Hand:
    """One hand, scaled."""
    return scale_hands([hand], scale)[0]


def with_known_size(pair: Pair) -> Hand:
    """What this package does."""
    return scaled(pair.hand, pair.known_scale)


def with_known_size_per_image(pair: Pair) -> Hand:
    """Scaled so that the palm has its true length in this very image."""
    return scaled(pair.hand, float(palm_length(pair.true_joints) / palm_length(joints_of(pair.hand))))


def with_known_length(bones: Sequence[tuple[int, int]], pairs: Sequence[Pair]) -> Callable[[Pair], Hand]:
    """Scaled by the true total length of these bones instead of the palm's, relative to its median over `pairs`."""

    def length(pair: Pair) -> float:
        joints = pair.true_joints
        return sum(float(np.linalg.norm(joints[first] - joints[second])) for first, second in bones)

    usual = np.median([pair.known_scale for pair in pairs]) / np.median([length(pair) for pair in pairs])
    return lambda pair: scaled(pair.hand, length(pair) * float(usual))


def with_fit(place: Callable[[Pair], Hand]) -> Callable[[Pair], Hand]:
    """The shape of `place`, moved to where all of its joints fit the 2D joints best."""

    def fit(pair: Pair) -> Hand:
        placed = place(pair)
        return moved(placed, fitted_root(joints_of(placed), pair))

    return fit


def with_true_shape(pair: Pair) -> Hand:
    """The true joints, moved to where they fit the estimated 2D joints best: the limit of knowing everything else."""
    assert pair.hand.metric is not None
    assert pair.truth.joints_3d is not None
    true = replace(pair.hand, metric=replace(pair.hand.metric, joints_3d=pair.truth.joints_3d))
    return moved(true, fitted_root(pair.true_joints, pair))


def with_true_pixels(pair: Pair) -> Hand:
    """The estimated shape in its true size, moved to where it fits the true 2D joints best."""
    placed = with_known_size_per_image(pair)
    return moved(
        placed, fitted_root(joints_of(placed), replace(pair, hand=replace(pair.hand, joints_2d=pair.truth.joints_2d)))
    )


def fitted_root(joints: Float64Array, pair: Pair) -> Float64Array:
    """Root position (3,) that fits joints (21, 3) to the 2D joints of the estimated hand."""
    assert pair.hand.metric is not None
    pixels = project(joints[ROOT_JOINT], pair.camera)
    relative = to_ray_frame(joints, joints[ROOT_JOINT])
    return fit_root_position(pair.hand.joints_2d, pair.hand.metric.joint_sigma, relative, pixels, pair.camera)


def moved(hand: Hand, root: Float64Array) -> Hand:
    """A hand with its root joint there; as it was if that is behind the camera."""
    assert hand.metric is not None
    return hand if root[2] <= 0 else replace(hand, metric=hand.metric.translated(root - joints_of(hand)[ROOT_JOINT]))


def depth_image(pair: Pair, topology: HandTopology, rng: np.random.Generator) -> FloatArray:
    """(H, W) metres: the true mesh before a wall, painted from far to near."""
    vertices = np.asarray(pair.truth.vertices, np.float64)
    depth = np.full(pair.shape[:2], BACKGROUND, np.float32)
    pixels = project(vertices, pair.camera)
    faces = topology.faces_right
    distances = vertices[faces, 2].mean(axis=1)
    for face in np.argsort(-distances):
        corners = pixels[faces[face]]
        if np.isfinite(corners).all() and np.abs(corners).max() < 1e4:
            cv2.fillConvexPoly(depth, np.round(corners).astype(np.int32), float(distances[face]))
    return np.asarray(depth * (1 + DEPTH_NOISE * rng.standard_normal(depth.shape)), np.float32)


def with_depth(place: Callable[[Pair], Hand], topology: HandTopology) -> Callable[[Pair], Hand]:
    """The hand of `place`, moved to where a depth image sees it."""

    def align(pair: Pair) -> Hand:
        depth = depth_image(pair, topology, np.random.default_rng(0))
        return align_to_depth([place(pair)], depth, topology, pair.camera)[0]

    return align
