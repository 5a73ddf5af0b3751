"""`robot_side`: a robot hand as teleoperation moves it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Hand
from handos_model.hand.topology import HandTopology
from handos_model.retargeting.grip import DEFAULT_GRIP, GripCalibration
from handos_model.retargeting.gripper import GripperRetargeter, GripperSettings
from handos_model.retargeting.hand_frame import hand_frame
from handos_model.retargeting.robot_hand import RobotHand
from handos_model.teleoperation.joint_motion import JointLimits
from handos_model.teleoperation.side_teleoperation import RobotSide

DEFAULT_SPEED: Final = 5.0
"""Radians per second of joints whose URDF gives no velocity limit."""
DEFAULT_SLIDING_SPEED: Final = 0.2
"""Metres per second, the same of sliding joints."""
_CONVERGED: Final = 50
"""Hands after which a retargeter that smooths has arrived."""


@dataclass(frozen=True)
class JointMotionSettings:
    """What no joint exceeds."""

    speed: float | None = None
    """Radians per second; ``None``: only the URDF's limits count."""
    sliding_speed: float | None = None
    """Metres per second, the same of sliding joints."""
    acceleration: float = 50.0
    """Radians per second squared: URDF knows no limit of it."""
    sliding_acceleration: float = 5.0
    """Metres per second squared."""


def robot_side(
    robot: RobotHand,
    settings: JointMotionSettings | None = None,
    calibration: Callable[[], GripCalibration] = lambda: DEFAULT_GRIP,
) -> RobotSide:
    """What teleoperation needs to know about a robot hand.

    Parameters
    ----------
    robot
        The robot hand.
    settings
        What no joint exceeds.
    calibration
        Apertures at which a gripper is open and closed, at any time.
    """
    retarget = robot.retargeter()

    def solve(hand: Hand) -> Float64Array:
        assert hand.joints_3d is not None, "only hands in metres are followed"
        hand_frame(hand.joints_3d, hand.handedness)  # a hand without a palm is refused by grippers, too
        if isinstance(retarget, GripperRetargeter):
            retarget.calibration = calibration()
        return retarget(hand.joints_3d, hand.handedness).positions

    return RobotSide(joint_limits(robot, settings or JointMotionSettings()), open_pose(robot), solve)


def joint_limits(robot: RobotHand, settings: JointMotionSettings) -> JointLimits:
    """Limits of the joints that are commanded: the URDF's, and the settings below them."""
    lower, upper = robot.limits.T
    slides = np.array([robot.model.joint[name].kind == "prismatic" for name in robot.joint_names])
    speeds = np.array(robot.max_velocities, np.float64)  # NaN where the URDF does not say
    unlimited = ~(speeds > 0)
    speeds[unlimited] = np.where(slides, DEFAULT_SLIDING_SPEED, DEFAULT_SPEED)[unlimited]
    highest = [np.inf if speed is None else speed for speed in (settings.speed, settings.sliding_speed)]
    speeds = np.minimum(speeds, np.where(slides, highest[1], highest[0]))
    accelerations = np.where(slides, settings.sliding_acceleration, settings.acceleration)
    return JointLimits(robot.joint_names, lower, upper, speeds, accelerations)


def open_pose(robot: RobotHand) -> Float64Array:
    """(J,) positions of the joints for the open hand of the shipped mesh, radians or metres."""
    if isinstance(robot.settings, GripperSettings):
        return robot.settings.open
    topology = HandTopology.load()
    mirrored = np.array([-1.0 if robot.side == "left" else 1.0, 1.0, 1.0])
    joints = topology.joint_regressor @ (topology.mean_vertices * mirrored)
    retarget = robot.retargeter()
    for _ in range(_CONVERGED):
        positions = retarget(joints, robot.side).positions
    return positions
