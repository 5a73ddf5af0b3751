"""A camera for the node, and an ear for its answers, in one process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from handos_model import CameraIntrinsics
from handos_model.io.frame import ImageArray
from handos_ros.messages import image_message
from handos_ros.msg import HandArray
from handos_ros.player import CAMERA_QOS, camera_info_message
from handos_ros.topics import HANDS_QOS, MARKERS_QOS, OVERLAY_QOS

QUIET: Final = 0.5
"""Seconds for the last answers to arrive."""


class CameraStandIn(Node):
    """Publishes images and keeps what the node answers."""

    def __init__(self, camera: CameraIntrinsics) -> None:
        super().__init__("handos_bench")
        self._camera = camera
        self._images = self.create_publisher(Image, "/image", CAMERA_QOS)
        self._infos = self.create_publisher(CameraInfo, "/camera_info", CAMERA_QOS)
        self.answers: list[tuple[HandArray, float]] = []
        self.create_subscription(HandArray, "/handos/hands", self._keep, HANDS_QOS)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def send(self, picture: ImageArray) -> None:
        """Publish one image."""
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id="camera_optical_frame")
        height, width = picture.shape[:2]
        self._infos.publish(camera_info_message(self._camera, header, width, height))
        self._images.publish(image_message(picture, header))

    def receive(self, until: float) -> None:
        """Take in answers until `time.monotonic` reaches `until`."""
        while (left := until - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def play(self, picture: ImageArray, rate: float, count: int) -> None:
        """Send `count` images at `rate` and wait for the last answers."""
        start = time.monotonic()
        for k in range(count):
            self.receive(start + k / rate)
            self.send(picture)
        self.receive(time.monotonic() + QUIET)

    @contextmanager
    def subscribed_to(self, outputs: tuple[str, ...]) -> Iterator[None]:
        """Receive these outputs too, as RViz would."""
        kinds: dict[str, tuple[type, QoSProfile]] = {
            "markers": (MarkerArray, MARKERS_QOS),
            "overlay": (Image, OVERLAY_QOS),
        }
        subscriptions = [
            # As bytes: taking them apart would burden this process, not the node.
            self.create_subscription(kinds[name][0], f"/handos/{name}", lambda _: None, kinds[name][1], raw=True)
            for name in outputs
        ]
        yield
        for subscription in subscriptions:
            self.destroy_subscription(subscription)

    def _keep(self, message: HandArray) -> None:
        arrived = (self.get_clock().now() - Time.from_msg(message.header.stamp)).nanoseconds / 1e6
        self.answers.append((message, arrived))
