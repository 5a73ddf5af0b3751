"""Broadcasts wrists as frames on /tf, where tf2_ros is installed."""

from collections.abc import Sequence
from typing import Any, Final

from geometry_msgs.msg import Transform, TransformStamped, Vector3
from rclpy.node import Node
from std_msgs.msg import Header

from handos_model.hand.hand import Hand
from handos_ros.messages.hand_messages import wrist_pose
from handos_ros.outputs.sides import wrists_by_side
from handos_ros.topics.names import in_camera_namespace

AUTO_PREFIX: Final = "auto"
"""Value of parameter frame_prefix: the node's full name, so that no two nodes share a frame."""


def full_prefix(frame_prefix: str, node_name: str) -> str:
    """What is put in front of the names of frames.

    Parameters
    ----------
    frame_prefix
        Parameter of this name.
    node_name
        Of the node, with its namespace.
    """
    return f"{node_name.strip('/')}/" if frame_prefix == AUTO_PREFIX else frame_prefix


def wrist_transforms(hands: Sequence[Hand], header: Header, camera: str, prefix: str) -> list[TransformStamped]:
    """Frames `left_wrist` and `right_wrist` of the best hand of each side, `right_wrist_2` of the next, and so on.

    They are not named after the hands' ids, which would fill the buffers of tf with new frames.
    """
    transforms = []
    for side, candidates in wrists_by_side(hands).items():
        for number, hand in enumerate(candidates, start=1):
            assert hand.metric is not None
            name = f"{side}_wrist" + (f"_{number}" if number > 1 else "")
            pose = wrist_pose(hand.metric, side)
            translation = Vector3(x=pose.position.x, y=pose.position.y, z=pose.position.z)
            transforms.append(
                TransformStamped(
                    header=header,
                    child_frame_id=prefix + in_camera_namespace(camera, name),
                    transform=Transform(translation=translation, rotation=pose.orientation),
                )
            )
    return transforms


class WristBroadcaster:
    """Sends the wrists to /tf; without tf2_ros it logs that once and does nothing.

    Parameters
    ----------
    node
        Publishes and logs.
    frame_prefix
        Parameter of this name.
    """

    def __init__(self, node: Node, frame_prefix: str) -> None:
        self._node = node
        self._prefix = full_prefix(frame_prefix, node.get_fully_qualified_name())
        self._frameless: set[str] = set()
        """Cameras whose images carry no frame."""
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

    @property
    def listeners(self) -> int:
        """Number of subscribers to /tf, this node's own among them."""
        return 0 if self._broadcaster is None else int(self._broadcaster.pub_tf.get_subscription_count())

    def broadcast(self, hands: Sequence[Hand], header: Header, camera: str) -> None:
        """Send the wrists of one image, if there are any."""
        if self._broadcaster is None:
            return
        transforms = wrist_transforms(hands, header, camera, self._prefix)
        if not transforms:
            return
        if header.frame_id:
            self._broadcaster.sendTransform(transforms)
        elif camera not in self._frameless:
            self._frameless.add(camera)
            self._node.get_logger().warning(
                f"wrists are not broadcast on /tf: the images of {f'camera {camera}' if camera else 'the camera'} "
                "have an empty frame_id; set it in the camera's driver"
            )

    def close(self) -> None:
        """Withdraw the publisher."""
        if self._broadcaster is not None:
            self._node.destroy_publisher(self._broadcaster.pub_tf)
