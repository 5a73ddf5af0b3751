"""Broadcasts where a robot hand's root link is commanded to be on /tf, where tf2_ros is installed."""

from typing import Any

from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from rclpy.node import Node
from std_msgs.msg import Header

from handos_model.geometry.quaternions import quaternions_from_matrices
from handos_model.retargeting.robot_hand import RobotHand
from handos_model.teleoperation.robot_drawing import root_pose
from handos_model.teleoperation.wrist_motion import WristPose
from handos_ros.diagnostics.node_log import WARNING_PERIOD


def robot_frame_prefix(node_name: str, side: str) -> str:
    """What is put in front of the links of a side's robot hand, so that two equal robots share no frame.

    Parameters
    ----------
    node_name
        Of the node `retarget`, with its namespace.
    side
        left or right.
    """
    return f"{node_name.strip('/')}/{side}/"


def root_transform(robot: RobotHand, wrist: WristPose, header: Header, prefix: str) -> TransformStamped:
    """The root link of a robot hand whose wrist is at a pose in the header's frame."""
    rotation, position = root_pose(robot, wrist)
    x, y, z = position.tolist()
    qx, qy, qz, qw = quaternions_from_matrices(rotation).tolist()
    return TransformStamped(
        header=header,
        child_frame_id=prefix + robot.model.root,
        transform=Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw)),
    )


class RootBroadcaster:
    """Sends the root link of a robot hand to /tf; without tf2_ros it logs that once and does nothing.

    Parameters
    ----------
    node
        Publishes and logs.
    robot
        The robot hand.
    """

    def __init__(self, node: Node, robot: RobotHand) -> None:
        self._node, self._robot = node, robot
        self._prefix = robot_frame_prefix(node.get_fully_qualified_name(), robot.side)
        self._broadcaster: Any = None
        try:
            from tf2_ros import TransformBroadcaster
        except ImportError:
            node.get_logger().warning(
                f"the {robot.side} robot hand is not broadcast on /tf: tf2_ros is not installed (apt install "
                "ros-$ROS_DISTRO-tf2-ros-py); -p tf:=false silences this"
            )
        else:
            self._broadcaster = TransformBroadcaster(node)

    def broadcast(self, wrist: WristPose, header: Header) -> None:
        """Send where the robot hand is commanded to be."""
        if self._broadcaster is None:
            return
        if header.frame_id:
            self._broadcaster.sendTransform(root_transform(self._robot, wrist, header, self._prefix))
        else:
            self._node.get_logger().warning(
                f"the {self._robot.side} robot hand is not broadcast on /tf: the hands have an empty frame_id; set it "
                "in the camera's driver",
                throttle_duration_sec=WARNING_PERIOD,
            )

    def close(self) -> None:
        """Withdraw the publisher."""
        if self._broadcaster is not None:
            self._node.destroy_publisher(self._broadcaster.pub_tf)
