"""Hands whose joint angles are known: those of the generic robot hand, seen as a person's."""

from collections.abc import Mapping

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness
from handos_model.retargeting.robot_hand import RobotHand, load_robot_hand

_THUMB_LINKS = ("thumb_base", "thumb_proximal", "thumb_distal", "thumb_tip")
_FINGER_LINKS = ("base", "middle", "distal", "tip")
HAND_LINKS = (
    "palm",
    *_THUMB_LINKS,
    *(f"{finger}_{link}" for finger in ("index", "middle", "ring", "pinky") for link in _FINGER_LINKS),
)
"""The link at each of the 21 joints."""
SIDES: tuple[Handedness, Handedness] = ("left", "right")


def generic_hand(side: Handedness, retargeting_type: str | None = None) -> RobotHand:
    """The generic robot hand."""
    return load_robot_hand("generic_hand", side, retargeting_type=retargeting_type)


def joints_of(robot: RobotHand, positions: Mapping[str, float]) -> Float64Array:
    """(21, 3) metres in the frame of the palm: the joints of a person's hand with the robot's joint angles."""
    poses = robot.model.link_poses(positions)
    return np.array([poses[f"{robot.side}_{link}"][:3, 3] for link in HAND_LINKS])


def random_positions(robot: RobotHand, rng: np.random.Generator, margin: float = 0.15) -> dict[str, float]:
    """Random joint angles of a plausible hand, `margin` of each joint's range away from its limits."""
    lower, upper = robot.limits.T
    span = upper - lower
    drawn = rng.uniform(lower + margin * span, upper - margin * span)
    return dict(zip(robot.joint_names, drawn.tolist(), strict=True))


def anywhere(joints: Float64Array, rng: np.random.Generator, scale: float = 1.0) -> Float64Array:
    """The hand turned, moved and scaled at random, as a camera sees it."""
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    return scale * joints @ rotation.T + rng.uniform(-0.5, 0.5, 3) + (0.0, 0.0, 1.0)
