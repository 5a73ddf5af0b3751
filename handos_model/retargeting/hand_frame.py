"""The hand frame that robot hands are built in, and a hand's joints in it.

x points out of the palm, z from the wrist to the middle knuckle, and y completes the right-handed frame: it points to
the thumb on a right hand and away from the thumb on a left one. A left hand in its frame is the right hand mirrored
in y. Retargeting libraries reach the same frame by way of MANO's wrist and a rotation that differs between left and
right hands.
"""

from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES, WRIST

INDEX_MCP: Final[int] = JOINT_NAMES.index("index_mcp")
MIDDLE_MCP: Final[int] = JOINT_NAMES.index("middle_mcp")
ADULT_PALM_LENGTH: Final = 0.102
"""Metres from wrist to middle knuckle of an adult's hand: that of the mean mesh."""
_MIN_SINE: Final = 1e-3
"""Of the angle at the wrist between the two knuckles: below this they say nothing about the palm's direction."""


def hand_frame(joints_3d: FloatArray | Float64Array, handedness: Handedness) -> Float64Array:
    """Axes of the hand frame as the columns of a rotation (3, 3) from the hand frame to that of the joints.

    Parameters
    ----------
    joints_3d
        (21, 3) metres, any right-handed frame, such as the camera's.
    handedness
        Side of the hand.

    Raises
    ------
    ValueError
        If the joints are of the wrong shape or not finite, or if wrist and knuckles lie on one line.
    """
    joints = _checked(joints_3d)
    to_middle, to_index = joints[MIDDLE_MCP] - joints[WRIST], joints[INDEX_MCP] - joints[WRIST]
    normal = cross(to_index, to_middle) if handedness == "right" else cross(to_middle, to_index)
    length, area = np.linalg.norm(to_middle), np.linalg.norm(normal)
    if not area > _MIN_SINE * length * np.linalg.norm(to_index):
        raise ValueError(
            "wrist, index knuckle and middle knuckle (joints 0, 5 and 9) lie on one line, so that the palm has no "
            "direction: skip this hand"
        )
    z_axis, x_axis = to_middle / length, normal / area
    return np.stack([x_axis, cross(z_axis, x_axis), z_axis], axis=1)


def joints_in_hand_frame(joints_3d: FloatArray | Float64Array, handedness: Handedness) -> Float64Array:
    """(21, 3) metres in the hand frame, origin at the wrist.

    Parameters and errors are those of `hand_frame`.
    """
    frame = hand_frame(joints_3d, handedness)
    joints = np.asarray(joints_3d, np.float64)
    return np.asarray((joints - joints[WRIST]) @ frame)


def cross(first: Float64Array, second: Float64Array) -> Float64Array:
    """Cross product of two vectors (3,): np.cross takes 0.1 ms for a single pair."""
    (a, b, c), (d, e, f) = first.tolist(), second.tolist()
    return np.array([b * f - c * e, c * d - a * f, a * e - b * d])


def palm_length(joints_3d: FloatArray | Float64Array) -> float:
    """Metres from the wrist to the middle knuckle."""
    return float(np.linalg.norm(_checked(joints_3d)[MIDDLE_MCP] - _checked(joints_3d)[WRIST]))


def _checked(joints_3d: FloatArray | Float64Array) -> Float64Array:
    joints = np.asarray(joints_3d, np.float64)
    if joints.shape != (JOINT_COUNT, 3):
        raise ValueError(f"joints have shape {joints.shape}: give ({JOINT_COUNT}, 3), in metres")
    bad = [name for name, position in zip(JOINT_NAMES, joints, strict=True) if not np.isfinite(position).all()]
    if bad:
        raise ValueError(
            f"position of joint {bad[0]} is {joints[JOINT_NAMES.index(bad[0])]}: skip hands with NaN or inf"
        )
    return joints
