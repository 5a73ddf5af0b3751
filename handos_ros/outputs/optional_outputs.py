"""What the node publishes with packages that may not be installed."""

from dataclasses import dataclass

from rclpy.node import Node

from handos_ros.messages.detections import DetectionMessages
from handos_ros.outputs.target_frame import TargetFrame
from handos_ros.outputs.wrist_broadcaster import WristBroadcaster
from handos_ros.parameters.node_parameters import NodeParameters


@dataclass(frozen=True)
class OptionalOutputs:
    """Shared by all cameras."""

    wrists: WristBroadcaster | None = None
    """Broadcasts to /tf; ``None``: nothing is broadcast."""
    target: TargetFrame | None = None
    """The frame of poses and 3D detections; ``None``: the camera's own."""
    detections: DetectionMessages | None = None
    """Builds detections; ``None``: vision_msgs is not installed."""

    @classmethod
    def of(cls, node: Node, parameters: NodeParameters) -> "OptionalOutputs":
        """What the parameters ask for and the installed packages allow.

        Raises
        ------
        ValueError
            If a parameter asks for more.
        """
        target = TargetFrame(node, parameters.target_frame) if parameters.target_frame else None
        wrists = WristBroadcaster(node, parameters.frame_prefix) if parameters.tf else None
        return cls(wrists, target, _detection_messages(node))

    @property
    def tf_listeners(self) -> int:
        """Number of other subscribers to the wrists on /tf."""
        if self.wrists is None:
            return 0
        return self.wrists.listeners - (self.target is not None)  # which listens to /tf itself

    def close(self) -> None:
        """Stop broadcasting and listening."""
        if self.wrists is not None:
            self.wrists.close()
        if self.target is not None:
            self.target.close()


def _detection_messages(node: Node) -> DetectionMessages | None:
    try:
        return DetectionMessages()
    except ImportError:
        node.get_logger().info(
            "~/detections_2d and ~/detections_3d are not published: vision_msgs is not installed (apt install "
            "ros-$ROS_DISTRO-vision-msgs)"
        )
        return None
