"""Builds the messages of the node `retarget`. Pure functions: nothing is published here."""

from collections.abc import Sequence
from typing import Final

from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point, Pose, PoseArray, PoseStamped, Quaternion, Twist, TwistStamped, Vector3
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from handos_model.geometry.arrays import Float64Array
from handos_model.retargeting.grip import Finger, Grip
from handos_model.retargeting.openxr_hand import OPENXR_JOINT_NAMES, OPENXR_JOINTS_TRACKED, OpenXRHand
from handos_model.teleoperation.engagement import TeleoperationState
from handos_model.teleoperation.joint_motion import JointStep
from handos_model.teleoperation.side_teleoperation import SideCommand
from handos_model.teleoperation.wrist_motion import WristStep
from handos_ros.msg import Grip as GripMessage
from handos_ros.msg import OpenXRJoints
from handos_ros.msg import TeleoperationState as StateMessage

_STATES: Final = {
    TeleoperationState.RELEASED: StateMessage.RELEASED,
    TeleoperationState.WAITING: StateMessage.WAITING,
    TeleoperationState.ENGAGED: StateMessage.ENGAGED,
    TeleoperationState.HOLDING: StateMessage.HOLDING,
    TeleoperationState.LOST: StateMessage.LOST,
}
_PINCHES: Final[dict[Finger | None, int]] = {
    None: GripMessage.PINCH_NONE,
    "index": GripMessage.PINCH_INDEX,
    "middle": GripMessage.PINCH_MIDDLE,
    "ring": GripMessage.PINCH_RING,
    "pinky": GripMessage.PINCH_PINKY,
}


def joint_state_message(names: tuple[str, ...], joints: JointStep, header: Header) -> JointState:
    """Positions and velocities of a robot hand's joints."""
    positions, velocities = joints.positions.tolist(), joints.velocities.tolist()
    return JointState(header=header, name=list(names), position=positions, velocity=velocities)


def joint_trajectory_message(
    names: tuple[str, ...], joints: JointStep, header: Header, seconds: float
) -> JointTrajectory:
    """The positions as a trajectory of one point, to be reached in some seconds.

    Without velocities: joint_trajectory_controller refuses trajectories that end in motion, unless told otherwise.
    """
    point = JointTrajectoryPoint(
        positions=joints.positions.tolist(),
        time_from_start=Duration(sec=int(seconds), nanosec=int(seconds % 1 * 1e9)),
    )
    return JointTrajectory(header=header, joint_names=list(names), points=[point])


def wrist_message(wrist: WristStep, header: Header) -> PoseStamped:
    """Where the wrist is to be."""
    return PoseStamped(header=header, pose=_pose(wrist.pose.position.tolist(), wrist.pose.orientation))


def twist_message(wrist: WristStep, header: Header) -> TwistStamped:
    """How the wrist is to move, in the axes of the header's frame."""
    return TwistStamped(header=header, twist=Twist(linear=_vector(wrist.linear), angular=_vector(wrist.angular)))


def state_message(command: SideCommand, header: Header, hand_id: int, hand_stamp: Time) -> StateMessage:
    """What a side is doing, and why."""
    return StateMessage(
        header=header,
        state=_STATES[command.state],
        reason=command.reason,
        limited_joints=list(command.joints.limited) if command.joints is not None else [],
        wrist_limited=command.wrist is not None and command.wrist.is_limited,
        hand_id=hand_id,
        hand_stamp=hand_stamp,
    )


def grip_message(grip: Grip, header: Header) -> GripMessage:
    """How far a hand is closed."""
    return GripMessage(
        header=header,
        aperture=grip.aperture,
        aperture_sigma=grip.aperture_sigma or 0.0,
        closing=grip.closing,
        gripping=grip.gripping,
        pinch=_PINCHES[grip.pinch],
        pinch_distance=grip.pinch_distance,
    )


def openxr_message(hand: OpenXRHand, header: Header) -> PoseArray:
    """26 poses in the order of `openxr_joints_message`."""
    pairs = zip(hand.positions.tolist(), hand.orientations.tolist(), strict=True)
    return PoseArray(header=header, poses=[_pose(position, orientation) for position, orientation in pairs])


def openxr_joints_message() -> OpenXRJoints:
    """Names of the poses, and which of them are measured."""
    return OpenXRJoints(names=list(OPENXR_JOINT_NAMES), tracked=OPENXR_JOINTS_TRACKED.tolist())


def _pose(position: Sequence[float], orientation: Sequence[float]) -> Pose:
    x, y, z = position
    qx, qy, qz, qw = orientation
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))


def _vector(values: Float64Array) -> Vector3:
    x, y, z = values.tolist()
    return Vector3(x=x, y=y, z=z)
