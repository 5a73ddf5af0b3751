"""Looks up how poses get from a camera's frame into the frame that the user wants them in."""

import time
from typing import Any, Final

from builtin_interfaces.msg import Time
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from std_msgs.msg import Header

from handos_ros.clocks.stamps import nanoseconds
from handos_ros.messages.rigid_transform import PoseFrame, RigidTransform

PATIENCE: Final = 0.1
"""Seconds to wait for the transform of an image's stamp."""
FRESH: Final = 0.25
"""Seconds by which the newest transform may be older than the image: otherwise no newer one is about to come."""
_POLLING: Final = 0.002
"""Seconds between two looks."""


class MissingTransformError(Exception):
    """There is no transform at the image's stamp; the message says why, and what to do."""


class TargetFrame:
    """The user's frame, and what is known on /tf and /tf_static of the way there.

    The executor's thread receives the transforms; another thread, or without patience the same, looks them up.

    Parameters
    ----------
    node
        Subscribes.
    name
        Of the frame.
    patience
        Seconds to wait for the transform of an image's stamp if it is about to come.

    Raises
    ------
    ValueError
        If tf2_ros is not installed.
    """

    def __init__(self, node: Node, name: str, *, patience: float = PATIENCE) -> None:
        try:
            import tf2_ros
        except ImportError as error:
            raise ValueError(
                f"parameter target_frame is {name!r}, but tf2_ros is not installed: install it (apt install "
                "ros-$ROS_DISTRO-tf2-ros-py), or leave target_frame empty and transform the poses elsewhere"
            ) from error
        self.name, self._patience = name, patience
        self._missing = tf2_ros.TransformException
        # With a node, the buffer would advertise a service tf2_frames, the same for all nodes of a namespace.
        self._buffer: Any = tf2_ros.Buffer()
        self._listener: Any = tf2_ros.TransformListener(self._buffer, node)
        backwards = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jumps = node.get_clock().create_jump_callback(backwards, post_callback=lambda _: self._buffer.clear())

    def close(self) -> None:
        """Stop listening."""
        self._jumps.unregister()
        self._listener.unregister()

    def pose_frame(self, header: Header) -> PoseFrame:
        """The way from the frame of an image into this one, at the image's stamp; stamp 0: the newest.

        A transform that is about to come is waited for: a moving camera's are often a little later than its images.

        Raises
        ------
        MissingTransformError
            If there is none.
        """
        camera = header.frame_id.removeprefix("/")  # as tf2 does with the frames that it receives
        if camera == self.name:
            return PoseFrame(Header(stamp=header.stamp, frame_id=self.name))
        try:
            self._wait_for_newer(camera, header.stamp)
            message = self._buffer.lookup_transform(self.name, camera, header.stamp)
            from_camera = RigidTransform.from_message(message.transform)
        except (self._missing, ValueError) as error:
            raise MissingTransformError(
                f"no transform from the image's frame {header.frame_id!r} to target_frame {self.name!r} at its stamp: "
                f"{error}. {_remedy(header)}"
            ) from error
        return PoseFrame(Header(stamp=header.stamp, frame_id=self.name), from_camera)

    def _wait_for_newer(self, camera: str, stamp: Time) -> None:
        wanted, end = nanoseconds(stamp), time.monotonic() + self._patience
        while time.monotonic() < end:
            newest = self._buffer.get_latest_common_time(self.name, camera).nanoseconds
            if not 0 < wanted - newest < FRESH * 1e9:
                return
            time.sleep(_POLLING)


def _remedy(header: Header) -> str:
    if not header.frame_id:
        return "Set frame_id in the camera's driver"
    return (
        "Publish it on /tf or /tf_static (robot_state_publisher, static_transform_publisher) with the camera's clock; "
        "`ros2 run tf2_tools view_frames` shows what is there"
    )
