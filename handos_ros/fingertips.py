"""Poses of fingertips."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseArray, Quaternion
from std_msgs.msg import Header

from handos_model.hand.hand import FloatArray, Hand
from handos_model.hand.skeleton import JOINT_NAMES, JOINT_PARENTS

FINGERTIPS: Final = tuple(k for k, name in enumerate(JOINT_NAMES) if name.endswith("_tip"))


def fingertips_message(hands: Sequence[Hand], header: Header) -> PoseArray:
    """Five poses per hand in metres, thumb to pinky, hands in the given order; x axes point out of the fingertips."""
    poses = [_fingertip_pose(hand.joints_3d, tip) for hand in hands if hand.joints_3d is not None for tip in FINGERTIPS]
    return PoseArray(header=header, poses=poses)


def _fingertip_pose(joints_3d: FloatArray, tip: int) -> Pose:
    x, y, z = joints_3d[tip].tolist()
    return Pose(
        position=Point(x=x, y=y, z=z), orientation=_turned_from_x(joints_3d[tip] - joints_3d[JOINT_PARENTS[tip]])
    )


def _turned_from_x(direction: FloatArray) -> Quaternion:
    """The smallest rotation that takes the x axis to `direction`."""
    length = float(np.linalg.norm(direction))
    if length < 1e-9:
        return Quaternion()
    x, y, z = (direction / length).tolist()
    if x < -1 + 1e-9:
        return Quaternion(z=1.0, w=0.0)
    # Half way between two unit vectors a, b: the quaternion (a x b, 1 + a b), normalised.
    norm = np.sqrt(2 * (1 + x))
    return Quaternion(x=0.0, y=-z / norm, z=y / norm, w=(1 + x) / norm)
