"""Broadcasts wrists as frames on /tf, where tf2_ros is installed."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import Transform, TransformStamped, Vector3
from rclpy.node import Node
from std_msgs.msg import Header

from handos_model.hand.hand import Hand
from handos_ros.messages import wrist_pose
from handos_ros.topics import in_camera_namespace


def wrist_transforms(hands: Sequence[Hand], header: Header, camera: str) -> list[TransformStamped]:
    """Frames `left_wrist` and `right_wrist` of the best hand of each side, `right_wrist_2` of the next, and so on.

    They are not named after the hands' ids, which would fill the buffers of tf with new frames.
    """
    sides: Counter[str] = Counter()
    transforms = []
    for hand in hands:
        if hand.metric is None:
            continue
        sides[hand.handedness] += 1
        number = sides[hand.handedness]
        name = f"{hand.handedness}_wrist" + (f"_{number}" if number > 1 else "")
        pose = wrist_pose(hand.metric, hand.handedness)
        translation = Vector3(x=pose.position.x, y=pose.position.y, z=pose.position.z)
        transforms.append(
            TransformStamped(
                header=header,
                child_frame_id=in_camera_namespace(camera, name),
                transform=Transform(translation=translation, rotation=pose.orientation),
            )
        )
    return transforms


class WristBroadcaster:
    """Sends the wrists to /tf; without tf2_ros it logs that once and does nothing."""

    def __init__(self, node: Node) -> None:
        self._broadcaster: Any = None
        try:
            from tf2_ros import TransformBroadcaster
        except ImportError:
            node.get_logger().info(
                "wrists are not broadcast on /tf: tf2_ros is not installed (apt install ros-$ROS_DISTRO-tf2-ros-py); "
                "-p tf:=false silences this"
            )
        else:
            self._broadcaster = TransformBroadcaster(node)

    def broadcast(self, hands: Sequence[Hand], header: Header, camera: str) -> None:
        """Send the wrists of one image."""
        if self._broadcaster is not None and hands:
            self._broadcaster.sendTransform(wrist_transforms(hands, header, camera))
