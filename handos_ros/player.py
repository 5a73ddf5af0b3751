"""`handos_player`: publishes a video file or a camera as a ROS 2 camera, at its own pace."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from handos_model.geometry.intrinsics import CameraIntrinsics, read_intrinsics
from handos_model.recordings.frame import Frame, SourceError
from handos_model.recordings.source import FrameSource, open_source
from handos_ros.lifecycle.ros_command import OptionalPath, run_as_ros_command, started_ros
from handos_ros.lifecycle.spinning import StopRequest
from handos_ros.messages.image_messages import camera_info_message, image_message
from handos_ros.topics.large_images import memory_warning, profile_environment
from handos_ros.topics.names import camera_info_topic, image_topic

PROGRAM: Final = "handos_player"
FRAME_ID: Final = "camera_optical_frame"
CAMERA_QOS: Final = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Matches every subscription; a slow subscriber loses images instead of delaying the player."""


class CameraPlayer(Node):
    """Publishes images on `image` and, where the intrinsics are known, `camera_info` beside it.

    Parameters
    ----------
    camera
        Intrinsics of the images; ``None``: no camera_info is published.
    """

    def __init__(self, camera: CameraIntrinsics | None) -> None:
        super().__init__(PROGRAM)
        self._camera = camera
        self._images = self.create_publisher(Image, image_topic(self), CAMERA_QOS)
        self._infos = self.create_publisher(CameraInfo, camera_info_topic(self), CAMERA_QOS)

    def wait_for_subscribers(self, count: int, stop: StopRequest) -> None:
        """Block until this many have subscribed to the images, or `stop` is set."""
        while self._images.get_subscription_count() < count and not stop.wait(0.05):
            pass

    def publish(self, frame: Frame) -> None:
        """Publish one frame, stamped with the current time."""
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=FRAME_ID)
        if self._camera is not None:
            height, width = frame.image.shape[:2]
            self._infos.publish(camera_info_message(self._camera, header, width, height))
        self._images.publish(image_message(frame.image, header))


def open_video(source: str) -> FrameSource:
    """Open a video file or camera.

    Raises
    ------
    OSError, ValueError
        If it is missing, or is not a video.
    """
    opened = open_source(source)
    if not opened.is_video:
        raise SourceError(f"source {source} is not a video: give a video file or the number of a camera")
    return opened


def sidecar_of(source: str) -> Path:
    """Where the intrinsics of a video are expected: NAME.camera.json beside it."""
    return Path(source).resolve().with_suffix(".camera.json")


def intrinsics_beside(source: str) -> CameraIntrinsics | None:
    """Intrinsics of a video from its sidecar, if there is one."""
    sidecar = sidecar_of(source)
    return read_intrinsics(sidecar) if sidecar.is_file() else None


def at_own_pace(source: FrameSource, stop: StopRequest) -> Iterator[Frame]:
    """The frames of a video until `stop` is set, each at its time; a camera paces itself."""
    start = time.monotonic()
    for frame in source.frames:
        due = time.monotonic() if source.frame_rate is None else start + frame.index / source.frame_rate
        if stop.wait(max(0.0, due - time.monotonic())):
            return
        yield frame


def play(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Video file or number of a camera.")],
    camera: Annotated[
        OptionalPath,
        typer.Option(metavar="FILE.json", help="Intrinsics; default: NAME.camera.json beside the video, if present."),
    ] = None,
    wait_for: Annotated[int, typer.Option(metavar="N", min=0, help="Subscribers to wait for before playing.")] = 0,
    large_images: Annotated[
        bool,
        typer.Option(help="Let large images through Fast DDS, unless you have chosen a profile or transport yourself."),
    ] = True,
) -> None:
    """Publish SOURCE on `image` and its intrinsics on the `camera_info` beside it, once, at its own pace."""
    video = open_video(source)
    intrinsics = intrinsics_beside(source) if camera is None else read_intrinsics(camera)
    if large_images:
        os.environ |= profile_environment(os.environ)
    with started_ros(PROGRAM) as stop:
        player = CameraPlayer(intrinsics)
        if large_images and (warning := memory_warning(os.environ)):
            player.get_logger().warning(warning)
        player.wait_for_subscribers(wait_for, stop)
        for frame in at_own_pace(video, stop):
            player.publish(frame)
        player.destroy_node()


def main() -> None:
    """Run the player."""
    run_as_ros_command(play, PROGRAM)


if __name__ == "__main__":
    main()
