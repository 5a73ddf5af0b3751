"""Everything that is published about one side of the robot. Messages that nobody subscribes to are not built."""

from typing import Any

from geometry_msgs.msg import PoseArray, PoseStamped, TwistStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory

from handos_model.hand.hand import Hand, Handedness
from handos_model.retargeting.grip import Grip
from handos_model.retargeting.openxr_hand import openxr_hand
from handos_model.teleoperation.side_teleoperation import SideCommand
from handos_ros.msg import Grip as GripMessage
from handos_ros.msg import TeleoperationState
from handos_ros.retarget.command_messages import (
    grip_message,
    joint_state_message,
    joint_trajectory_message,
    openxr_message,
    twist_message,
    wrist_message,
)
from handos_ros.topics.connections import advertise
from handos_ros.topics.qos import HANDS_QOS


class SidePublishers:
    """Publishers below ``~/left`` or ``~/right``.

    Parameters
    ----------
    node
        Owns the publishers.
    side
        Names the topics.
    joint_names
        The joints that are commanded.
    """

    def __init__(self, node: Node, side: Handedness, joint_names: tuple[str, ...]) -> None:
        self._node, self._side, self._names = node, side, joint_names
        self._publishers: list[Publisher[Any]] = []
        self._joints = self._advertise(JointState, "joint_command")
        self._trajectory = self._advertise(JointTrajectory, "joint_trajectory")
        self._wrist = self._advertise(PoseStamped, "wrist")
        self._twist = self._advertise(TwistStamped, "twist")
        self._grip = self._advertise(GripMessage, "grip")
        self._openxr = self._advertise(PoseArray, "openxr")
        self._state = self._advertise(TeleoperationState, "state")

    def close(self) -> None:
        """Withdraw the topics."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)

    def publish_command(self, command: SideCommand, header: Header, trajectory_time: float) -> None:
        """Publish what the side is to do: joints and wrist, as far as there are commands."""
        if command.joints is not None:
            joint_header = Header(stamp=header.stamp)  # joints have no frame
            self._joints.publish(joint_state_message(self._names, command.joints, joint_header))
            if self._trajectory.get_subscription_count():
                message = joint_trajectory_message(self._names, command.joints, Header(), trajectory_time)
                self._trajectory.publish(message)  # stamp 0: from now on
        if command.wrist is not None:
            self._wrist.publish(wrist_message(command.wrist, header))
            if self._twist.get_subscription_count():
                self._twist.publish(twist_message(command.wrist, header))

    def publish_state(self, message: TeleoperationState) -> None:
        """Publish what the side is doing, and why."""
        self._state.publish(message)

    def publish_hand(self, hand: Hand, grip: Grip, header: Header) -> None:
        """Publish the grip of a hand that is followed, and its joints as OpenXR has them."""
        self._grip.publish(grip_message(grip, header))
        if self._openxr.get_subscription_count() and hand.joints_3d is not None:
            self._openxr.publish(openxr_message(openxr_hand(hand.joints_3d, hand.handedness), header))

    def _advertise(self, kind: type, name: str) -> "Publisher[Any]":
        publisher = advertise(self._node, kind, f"~/{self._side}/{name}", HANDS_QOS)
        self._publishers.append(publisher)
        return publisher
