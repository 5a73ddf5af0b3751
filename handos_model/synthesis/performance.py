"""What happens in a rendered sequence: moving hands of one person, moving objects, a moving camera.

Everything is in the axes of that person: y up, facing +z, metres, origin in the pelvis.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Handedness
from handos_model.synthesis.motion import Curve

View = Literal["opposite", "head"]
"""A camera opposite the person, or on the person's head."""

UP: Final = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class MovingHand:
    """One hand over time."""

    wrist: Curve
    """(3,) position."""
    palm: Curve
    """(3,) direction that the palm faces."""
    elbow: Float64Array
    """(3,) direction that the elbow points to."""
    angles: Curve
    """(24,) joint angles: see `motion.hand_angles`."""


@dataclass(frozen=True)
class MovingObject:
    """An object without hands that hides them or is mistaken for them."""

    shape_seed: int
    """Makes the same shape in every image."""
    extent: tuple[float, float]
    """Minimum width and height in metres as the camera sees it at the start."""
    position: Curve
    """(3,) of its centre."""


@dataclass(frozen=True)
class CameraPath:
    """A camera that looks from one moving point to another."""

    eye: Curve
    target: Curve
    intrinsics: CameraIntrinsics
    exposure: float
    """Seconds for which the shutter is open in each image."""

    def rotation(self, seconds: float) -> Float64Array:
        """(3, 3) from the person's axes to the camera's: x right, y down, z forward."""
        forward = self.target(seconds) - self.eye(seconds)
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, UP)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def point(self, x: float, y: float, depth: float, size: tuple[int, int]) -> Float64Array:
        """(3,) point at `depth` metres that the camera sees at (x, y) at the start.

        x runs from -1 at the left to 1 at the right of the image, y from -1 at the top to 1 at the bottom.
        """
        width, height = size
        camera = self.intrinsics
        ray = np.array([x * width / 2 / camera.fx, y * height / 2 / camera.fy, 1.0])
        return self.eye(0.0) + depth * ray @ self.rotation(0.0)


@dataclass(frozen=True)
class Performance:
    """A scenario, staged."""

    camera: CameraPath
    hands: dict[Handedness, MovingHand]
    """Both hands of the person; empty without a person."""
    objects: tuple[MovingObject, ...] = ()
