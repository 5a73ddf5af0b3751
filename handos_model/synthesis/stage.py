"""Where the scenarios of rendered sequences take place: the camera, the ways of hands, and what chance decides."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Handedness
from handos_model.synthesis.assets import SIDES
from handos_model.synthesis.motion import Curve, added, changing_pose, constant, drift, held_pose, through
from handos_model.synthesis.performance import CameraPath, MovingHand, View
from handos_model.synthesis.posing import HandPoser
from handos_model.synthesis.reaching import OUTWARD

Waypoint = tuple[float, float, float, float]
"""Time as a fraction of the sequence, x, y and depth as for `CameraPath.point`."""

EXPOSURE: Final = (1 / 120, 1 / 30)
"""Seconds, shortest and longest: outdoors and in a dim room."""
DRIFT: Final = 0.012
"""Metres."""
HEIGHT: Final[dict[View, tuple[float, float]]] = {"opposite": (-0.1, 0.25), "head": (0.25, 0.5)}
"""Of a raised wrist in the image: see `CameraPath.point`."""
CAMERA_DISTANCE: Final[dict[bool, tuple[float, float]]] = {False: (0.85, 1.0), True: (0.85, 1.9)}
"""Metres from the person to a camera opposite: where the hands reach all borders of the image, and anywhere."""
WRIST_DISTANCE: Final[dict[View, tuple[float, float]]] = {"opposite": (0.28, 0.4), "head": (0.36, 0.5)}
"""Metres from the person to a raised wrist, or from the camera on the head."""


class Stage:
    """Where a scenario takes place: the camera, and what random numbers decide.

    Parameters
    ----------
    rng
        Decides everything.
    poser
        Makes hand poses.
    seconds
        Length of the sequence.
    size
        Width and height of the images.
    view
        Where the camera is.
    may_be_far
        Whether a camera opposite may be so far that the hands do not reach the borders of the image.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        poser: HandPoser,
        seconds: float,
        size: tuple[int, int],
        view: View,
        may_be_far: bool,
    ) -> None:
        self.rng, self.poser, self.seconds, self.size, self.view = rng, poser, seconds, size, view
        self.y = rng.uniform(*HEIGHT[view])
        self.camera = _camera(rng, size, view, CAMERA_DISTANCE[may_be_far])
        reach = rng.uniform(*WRIST_DISTANCE[view])
        self.depth = float(self.camera.eye(0.0)[2] - reach) if view == "opposite" else reach
        # Persons face a camera opposite: their left is the image's right.
        self.right_of_image: Handedness = "left" if view == "opposite" else "right"

    def x_sign(self, side: Handedness) -> float:
        """Side of the image on which a person's hand usually is: 1 right, -1 left."""
        return 1.0 if side == self.right_of_image else -1.0

    def path(self, waypoints: Sequence[Waypoint], *, drifting: bool = True) -> Curve:
        """The way of a wrist."""
        times = [self.seconds * time for time, *_ in waypoints]
        curve = through(times, [self.camera.point(x, y, depth, self.size) for _, x, y, depth in waypoints])
        return added(curve, drift(self.rng, DRIFT)) if drifting else curve

    def hand(self, side: Handedness, wrist: Curve, angles: Curve | None = None) -> MovingHand:
        """A hand on its way, the palm turned as people hold it before this camera."""
        rng = self.rng
        if self.view == "opposite":
            facing = rng.normal([-0.3 * OUTWARD[side], 0, 1.0 if rng.random() < 0.7 else -0.6], 0.25)
        else:
            facing = rng.normal([-0.8 * OUTWARD[side], -0.6, -0.3], 0.3)
        turned = through([0, self.seconds], [facing, facing + rng.normal(0, 0.25, 3)])
        elbow = np.array([0.55 * OUTWARD[side], -1.0, -0.15])
        return MovingHand(wrist, turned, elbow, angles or changing_pose(rng, self.poser, self.seconds))

    def resting_hand(self, side: Handedness) -> MovingHand:
        """A hand behind the back, out of sight."""
        wrist, palm = constant([0.08 * OUTWARD[side], 0.12, -0.2]), constant([0, 0, -1.0])
        return MovingHand(wrist, palm, np.array([1.0 * OUTWARD[side], 0, -0.5]), held_pose(self.rng, self.poser))

    def with_resting_hand(self, side: Handedness, hand: MovingHand) -> dict[Handedness, MovingHand]:
        """Both hands of the person, of which one moves."""
        other = SIDES[1 - SIDES.index(side)]
        return {side: hand, other: self.resting_hand(other)}


def _camera(rng: np.random.Generator, size: tuple[int, int], view: View, distance: tuple[float, float]) -> CameraPath:
    width, height = size
    exposure = float(rng.uniform(*EXPOSURE))
    if view == "opposite":
        intrinsics = CameraIntrinsics.from_field_of_view(width, height, rng.uniform(56, 68))
        eye = np.array([rng.normal(0, 0.08), rng.uniform(0.45, 0.58), rng.uniform(*distance)])
        target = np.array([0.0, rng.uniform(0.47, 0.53), 0.0])
        return CameraPath(constant(eye), constant(target), intrinsics, exposure)
    intrinsics = CameraIntrinsics.from_field_of_view(width, height, rng.uniform(80, 100))
    eye = np.array([0.0, 0.76, 0.21])
    pitch = np.radians(rng.uniform(35, 50))
    target = eye + np.array([0.0, -np.sin(pitch), np.cos(pitch)])
    return CameraPath(constant(eye), constant(target), intrinsics, exposure)
