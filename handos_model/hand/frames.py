"""Coordinate frames on a hand: of the wrist and of the fingertips, as quaternions (x, y, z, w)."""

import math
from typing import Final

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.quaternions import Quaternion, quaternions_from_matrices
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_NAMES, JOINT_PARENTS, WRIST

_IDENTITY: Final[Quaternion] = (0.0, 0.0, 0.0, 1.0)
_INDEX_MCP: Final[int] = JOINT_NAMES.index("index_mcp")
_PINKY_MCP: Final[int] = JOINT_NAMES.index("pinky_mcp")
_MIN_LENGTH: Final = 1e-9
"""Metres: shorter vectors have no direction."""


def wrist_orientation(joints_3d: FloatArray, handedness: Handedness) -> Quaternion:
    """Orientation of the wrist in the camera's frame.

    The x axis points from the wrist to the midpoint of the index and pinky knuckles, the z axis out of the back of the
    hand, and y completes the right-handed frame: a right hand's thumb is on the side of +y, a left hand's on -y.

    Parameters
    ----------
    joints_3d
        (21, 3) metres, camera optical frame.
    handedness
        Side of the hand.
    """
    to_index = joints_3d[_INDEX_MCP] - joints_3d[WRIST]
    to_pinky = joints_3d[_PINKY_MCP] - joints_3d[WRIST]
    back = _cross(to_pinky, to_index) if handedness == "right" else _cross(to_index, to_pinky)
    forward = to_index + to_pinky
    lengths = np.linalg.norm(forward), np.linalg.norm(back)
    if min(lengths) < _MIN_LENGTH:
        return _IDENTITY  # wrist and knuckles are collinear
    x_axis, z_axis = forward / lengths[0], back / lengths[1]
    rotation = np.stack([x_axis, _cross(z_axis, x_axis), z_axis], axis=1)
    x, y, z, w = quaternions_from_matrices(rotation).tolist()
    return x, y, z, w


def fingertip_orientation(joints_3d: FloatArray, tip: int) -> Quaternion:
    """The smallest rotation that turns the x axis into the direction in which a fingertip points.

    Parameters
    ----------
    joints_3d
        (21, 3) metres, camera optical frame.
    tip
        One of `skeleton.FINGERTIPS`.
    """
    direction = joints_3d[tip].astype(np.float64) - joints_3d[JOINT_PARENTS[tip]]
    length = float(np.linalg.norm(direction))
    if length < _MIN_LENGTH:
        return _IDENTITY
    x, y, z = (direction / length).tolist()
    # The rotation from unit vector a to b is the quaternion (a x b, 1 + a . b), normalised. Close to -x, 1 + x would be
    # the difference of nearly equal numbers.
    w = 1 + x if x > 0 else (y * y + z * z) / (1 - x)
    norm = math.hypot(z, y, w)
    if norm == 0:
        return (0.0, 0.0, 1.0, 0.0)
    return (0.0, -z / norm, y / norm, w / norm)


def _cross(first: FloatArray, second: FloatArray) -> FloatArray:
    """Cross product of two vectors (3,): np.cross takes 0.1 ms for a single pair."""
    (a, b, c), (d, e, f) = first.tolist(), second.tolist()
    return np.array([b * f - c * e, c * d - a * f, a * e - b * d], np.float32)
