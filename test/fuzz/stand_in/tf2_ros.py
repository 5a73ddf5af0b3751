"""Stands in for tf2_ros, which is not on PyPI: publishes every transform as a message of its own."""

from collections.abc import Sequence

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node

TOPIC = "/broadcast_transforms"


class TransformBroadcaster:
    """Has the one method that the node uses."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(TransformStamped, TOPIC, 100)

    def sendTransform(self, transforms: Sequence[TransformStamped]) -> None:  # noqa: N802  # tf2's name
        """Publish transforms."""
        for transform in transforms:
            self._publisher.publish(transform)
