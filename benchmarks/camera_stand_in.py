"""Publishes camera images for the node and receives its hands."""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from geometry_msgs.msg import PoseArray, PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from handos_model import CameraIntrinsics
from handos_model.geometry.arrays import ImageArray
from handos_ros.messages.image_messages import camera_info_message, image_message
from handos_ros.msg import HandArray
from handos_ros.player import CAMERA_QOS, FRAME_ID
from handos_ros.topics.qos import HANDS_QOS, MARKERS_QOS, OVERLAY_QOS

QUIET: Final = 0.5
"""Seconds to wait for the last hands."""


class CameraStandIn(Node):
    """Publishes images and stores the hands that it receives."""

    def __init__(self, camera: CameraIntrinsics) -> None:
        super().__init__("handos_bench")
        self._camera = camera
        self._images = self.create_publisher(Image, "/image", CAMERA_QOS)
        self._infos = self.create_publisher(CameraInfo, "/camera_info", CAMERA_QOS)
        self.received: list[tuple[HandArray, float]] = []
        """Messages, and the milliseconds from their images' stamps to their arrival."""
        self.delays: dict[str, list[float]] = {}
        """By output: the milliseconds from the arrival of an image's HandArray to that of its message."""
        self._arrivals: dict[tuple[int, int], int] = {}
        """Nanoseconds at which the HandArray with a stamp arrived."""
        self.create_subscription(HandArray, "/handos/hands", self._store, HANDS_QOS)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def send(self, image: ImageArray) -> None:
        """Publish one image."""
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=FRAME_ID)
        height, width = image.shape[:2]
        self._infos.publish(camera_info_message(self._camera, header, width, height))
        self._images.publish(image_message(image, header))

    def receive(self, until: float) -> None:
        """Receive hands until `time.monotonic` reaches `until`."""
        while (left := until - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def play(self, image: ImageArray, rate: float, count: int) -> None:
        """Send an image `count` times at `rate` and wait for the last hands."""
        start = time.monotonic()
        for k in range(count):
            self.receive(start + k / rate)
            self.send(image)
        self.receive(time.monotonic() + QUIET)

    @contextmanager
    def subscribed_to(self, outputs: tuple[str, ...]) -> Iterator[None]:
        """Also subscribe to these outputs, as RViz would."""
        self.delays = {name: [] for name in outputs}
        subscriptions = [
            # Raw, because deserialising costs time in this process, not in the node.
            self.create_subscription(kind, f"/handos/{name}", partial(self._store_delay, name), qos, raw=True)
            for name, (kind, qos) in _kinds(outputs).items()
        ]
        yield
        self._arrivals.clear()
        for subscription in subscriptions:
            self.destroy_subscription(subscription)

    def _store_delay(self, name: str, serialized: bytes) -> None:
        # The stamp comes first, after 4 bytes of encapsulation and, in a MarkerArray, 4 of the number of markers.
        seconds, nanoseconds = struct.unpack_from("<iI", serialized, 8 if name == "markers" else 4)
        arrival = self._arrivals.get((seconds, nanoseconds))
        if arrival is not None:
            self.delays[name].append((self.get_clock().now().nanoseconds - arrival) / 1e6)

    def _store(self, message: HandArray) -> None:
        delay = (self.get_clock().now() - Time.from_msg(message.header.stamp)).nanoseconds / 1e6
        self.received.append((message, delay))
        if self.delays:
            self._arrivals[message.header.stamp.sec, message.header.stamp.nanosec] = self.get_clock().now().nanoseconds


def _kinds(outputs: tuple[str, ...]) -> dict[str, tuple[type, QoSProfile]]:
    kinds: dict[str, tuple[type, QoSProfile]] = {
        "left/wrist": (PoseStamped, HANDS_QOS),
        "right/wrist": (PoseStamped, HANDS_QOS),
        "fingertips": (PoseArray, HANDS_QOS),
        "markers": (MarkerArray, MARKERS_QOS),
        "overlay": (Image, OVERLAY_QOS),
    }
    if any("detections" in name for name in outputs):
        from vision_msgs.msg import Detection2DArray, Detection3DArray

        kinds |= {"detections_2d": (Detection2DArray, HANDS_QOS), "detections_3d": (Detection3DArray, HANDS_QOS)}
    return {name: kinds[name] for name in outputs}
