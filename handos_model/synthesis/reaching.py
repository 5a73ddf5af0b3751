"""Arms of people: from where a hand shall be to the directions of upper arm and forearm (inverse kinematics)."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.hand.hand import Handedness
from handos_model.synthesis.rotations import rotation_between

MIRROR: Final = np.diag([-1.0, 1.0, 1.0])
OUTWARD: Final[dict[Handedness, float]] = {"left": 1.0, "right": -1.0}
"""Sign of x, in the person's axes, away from the body."""
MAX_REACH: Final = 0.98
"""Of the arm's length: a straight elbow has no direction."""
MAX_TWIST: Final = np.radians(110.0)
"""Of the forearm, either way."""


@dataclass(frozen=True)
class ArmPose:
    """How an arm is held, in the person's axes (y up, facing +z)."""

    upper: np.ndarray
    """(3,) unit vector from shoulder to elbow."""
    lower: np.ndarray
    """(3,) unit vector from elbow to wrist."""
    twist: float
    """Radians about the forearm."""
    fingers: FloatArray
    """(B, 3, 3) local rotations of the bones of a right hand."""


@dataclass(frozen=True)
class Reach:
    """Where a hand shall be, in the person's axes, metres."""

    wrist: Float64Array
    """(3,); out of reach, the wrist stops on the way there."""
    palm: Float64Array
    """(3,) direction that the palm faces; its part along the forearm is ignored."""
    elbow: Float64Array
    """(3,) direction into which the elbow points away from the line between shoulder and wrist."""
    fingers: FloatArray
    """(B, 3, 3) local rotations of the bones of a right hand."""


def reach(pivots: FloatArray, goal: Reach, side: Handedness, hand_rotation: FloatArray) -> ArmPose:
    """The pose of an arm whose wrist is at the goal.

    Parameters
    ----------
    pivots
        (3, 3) shoulder, elbow and wrist at rest.
    goal, side
        Where the hand shall be, and which hand it is.
    hand_rotation
        (3, 3) from the axes of a right hand to the person's right hand at rest.
    """
    shoulder, elbow, wrist = pivots.astype(np.float64)
    upper, lower = _aim(shoulder, float(np.linalg.norm(elbow - shoulder)), float(np.linalg.norm(wrist - elbow)), goal)
    untwisted = ArmPose(upper, lower, 0.0, goal.fingers)
    first, second = arm_rotations(shoulder, elbow, wrist, untwisted)
    normal = hand_rotation.astype(np.float64)[:, 2]
    palm = first @ second @ (MIRROR @ normal if side == "left" else normal)
    return ArmPose(upper, lower, _feasible_twist(_angle_about(lower, palm, goal.palm)), goal.fingers)


def arm_rotations(
    shoulder: np.ndarray, elbow: np.ndarray, wrist: np.ndarray, pose: ArmPose
) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations (3, 3) of upper arm and forearm, whose joints are given at rest, without the twist."""
    shoulder, elbow, wrist = (point.astype(np.float64) for point in (shoulder, elbow, wrist))
    first = rotation_between(elbow - shoulder, pose.upper)
    second = first.T @ rotation_between(first @ (wrist - elbow), pose.lower) @ first
    return first, second


def _aim(shoulder: np.ndarray, upper: float, lower: float, goal: Reach) -> tuple[np.ndarray, np.ndarray]:
    """Directions of upper arm and forearm of given lengths, from the triangle of shoulder, elbow and wrist."""
    line = goal.wrist - shoulder
    distance = float(np.clip(np.linalg.norm(line), abs(upper - lower) + 0.02, MAX_REACH * (upper + lower)))
    along = line / np.linalg.norm(line)
    bend = goal.elbow - (goal.elbow @ along) * along
    bend /= np.linalg.norm(bend)
    foot = (upper**2 - lower**2 + distance**2) / (2 * distance)
    elbow = foot * along + np.sqrt(max(upper**2 - foot**2, 0.0)) * bend
    forearm = distance * along - elbow
    return elbow / np.linalg.norm(elbow), forearm / np.linalg.norm(forearm)


def _feasible_twist(angle: float) -> float:
    """The angle, within +-MAX_TWIST; beyond it runs back to 0, so that it never jumps where +180 meets -180 degrees."""
    beyond = max(abs(angle) - MAX_TWIST, 0.0)
    return float(np.sign(angle) * (min(abs(angle), MAX_TWIST) - beyond * MAX_TWIST / (np.pi - MAX_TWIST)))


def _angle_about(axis: np.ndarray, source: np.ndarray, target: np.ndarray) -> float:
    """Radians about a unit axis that turn `source` towards `target`."""
    return float(np.arctan2(axis @ np.cross(source, target), source @ target - (source @ axis) * (target @ axis)))
