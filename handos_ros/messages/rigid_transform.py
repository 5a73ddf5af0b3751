"""Rotations and translations of poses from one frame into another."""

import math
from dataclasses import dataclass
from typing import Final

from geometry_msgs.msg import Transform
from std_msgs.msg import Header

from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.quaternions import Quaternion, product, rotation_matrix

Vector = tuple[float, float, float]
"""x, y, z."""

MAX_QUATERNION_ERROR: Final = 0.01
"""By which the squared length of a rotation may differ from 1, as in tf2."""


@dataclass(frozen=True)
class RigidTransform:
    """A rotation followed by a translation."""

    translation: Vector = (0.0, 0.0, 0.0)
    """Metres."""
    rotation: Quaternion = (0.0, 0.0, 0.0, 1.0)

    @classmethod
    def from_message(cls, message: Transform) -> "RigidTransform":
        """Read a transform.

        Raises
        ------
        ValueError
            If it is not finite, or its quaternion is no rotation.
        """
        offset, turn = message.translation, message.rotation
        translation, rotation = (offset.x, offset.y, offset.z), (turn.x, turn.y, turn.z, turn.w)
        squared = sum(value * value for value in rotation)
        if not all(map(math.isfinite, translation)) or not abs(squared - 1) <= MAX_QUATERNION_ERROR:
            raise ValueError(f"translation {translation} and rotation {rotation} are no rigid transform")
        x, y, z, w = (value / math.sqrt(squared) for value in rotation)
        return cls(translation, (x, y, z, w))

    @property
    def rotation_matrix(self) -> Float64Array:
        """(3, 3) matrix of the rotation: its columns are the axes of the one frame in the other."""
        return rotation_matrix(self.rotation)

    def position(self, point: Vector) -> Vector:
        """Where a point (metres) is in the other frame."""
        x, y, z, w = self.rotation
        # Twice the cross product of the axis and the point; the rotated point is p + w t + axis x t.
        tx, ty, tz = (2 * value for value in _cross((x, y, z), point))
        ux, uy, uz = _cross((x, y, z), (tx, ty, tz))
        px, py, pz = point
        dx, dy, dz = self.translation
        return px + w * tx + ux + dx, py + w * ty + uy + dy, pz + w * tz + uz + dz

    def orientation(self, quaternion: Quaternion) -> Quaternion:
        """An orientation in the other frame: the product of both quaternions, this one's first."""
        return product(self.rotation, quaternion)


IDENTITY: Final = RigidTransform()


@dataclass(frozen=True)
class PoseFrame:
    """The frame in which poses are published."""

    header: Header
    """Of the messages."""
    from_camera: RigidTransform = IDENTITY


def _cross(first: Vector, second: Vector) -> Vector:
    (a, b, c), (d, e, f) = first, second
    return b * f - c * e, c * d - a * f, a * e - b * d
