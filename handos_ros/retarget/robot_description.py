"""`RobotDescriptionWatch`: notices when the running robot is not the one that commands are computed for."""

import numpy as np
from rclpy.node import Node
from std_msgs.msg import String

from handos_model.retargeting.robot_hand import RobotHand
from handos_model.retargeting.robot_model import RobotModel
from handos_model.retargeting.urdf import parse_urdf
from handos_ros.topics.qos import LATCHED_QOS


class RobotDescriptionWatch:
    """Compares ``~/SIDE/robot_description``, where somebody publishes it, with the robot hand that is commanded.

    Parameters
    ----------
    node
        Subscribes and logs.
    robot
        The robot hand that is commanded.
    """

    def __init__(self, node: Node, robot: RobotHand) -> None:
        self._node, self._robot = node, robot
        self.problem = ""
        """Why this robot must not be commanded; empty: it may be."""
        topic = f"~/{robot.side}/robot_description"
        self._topic = node.resolve_topic_name(topic)
        self._subscription = node.create_subscription(String, topic, self._compare, LATCHED_QOS)

    def close(self) -> None:
        """Stop watching."""
        self._node.destroy_subscription(self._subscription)

    def _compare(self, message: String) -> None:
        try:
            difference = _difference(self._robot, parse_urdf(message.data, self._topic))
        except ValueError as error:
            difference = str(error)
        self.problem = difference and (
            f"{self._topic} describes another robot than {self._robot.model.source}: {difference}. Nothing is "
            "commanded: give this robot's URDF and configure the node anew"
        )
        if self.problem:
            self._node.get_logger().error(self.problem)


def _difference(robot: RobotHand, running: RobotModel) -> str:
    """What the running robot has that the commanded one has not; empty: nothing that matters."""
    for name in robot.joint_names:
        ours, theirs = robot.model.joint[name], running.joint.get(name)
        if theirs is None:
            return f"it has no joint '{name}'"
        if not np.allclose([ours.lower, ours.upper], [theirs.lower, theirs.upper], atol=1e-6):
            return (
                f"joint '{name}' moves from {theirs.lower:g} to {theirs.upper:g}, not {ours.lower:g} to {ours.upper:g}"
            )
        if ours.kind != theirs.kind or not np.allclose(ours.axis, theirs.axis, atol=1e-6):
            return f"joint '{name}' moves in another way"
    return ""
