"""One camera of a node under test: what it sends, and what the node publishes about it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from broken_promise import BrokenPromiseError, key_of
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseArray, PoseStamped
from hostile_stamps import HABITS, stamps
from limits_in_force import LimitsInForce
from node_process import RELIABLE, Client
from published_drawings import check_fingertips, check_markers, check_overlay, check_wrist
from published_hands import PublishedHands, SentImages
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from handos_ros.msg import HandArray

DRAWINGS: Final = {
    "markers": (MarkerArray, check_markers),
    "fingertips": (PoseArray, check_fingertips),
    "left/wrist": (PoseStamped, check_wrist),
    "right/wrist": (PoseStamped, check_wrist),
    "overlay": (Image, check_overlay),
}
"""By topic: what is only built while somebody subscribes, and its check."""
FRAMES: Final = ("camera_optical_frame", "", "/\N{SNOWMAN} x", "f" * 200)
_DEEP: Final = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)


class BombardedCamera:
    """Publishers and subscribers of a camera.

    Parameters
    ----------
    client
        Publishes and subscribes.
    node, name
        Names of the node and of its camera; empty: the node's only one.
    limits
        Parameters in force.
    is_compressed, has_depth
        How the node was started.
    clock
        Nanoseconds of the clock that the node has.
    """

    def __init__(
        self,
        client: Client,
        node: str,
        name: str,
        limits: LimitsInForce,
        *,
        is_compressed: bool = False,
        has_depth: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._client, self.is_compressed, self.has_depth = client, is_compressed, has_depth
        self.topic, self.published = f"/{node}/{name or 'only'}", f"/{node}/{name}".rstrip("/")
        self.limits, self._clock = limits, clock
        self.sent = SentImages()
        self.hands = PublishedHands(self.sent, limits, is_clock_steady=clock is time.time_ns)
        self.answers: list[HandArray] = []
        """Checked messages since the list was last cleared."""
        self.checked: Counter[str] = Counter()
        """Number of messages by topic, and of hands, with and without metres."""
        self.last_sent: dict[str, Any] = {}
        """Newest message sent on every topic, to report."""
        kind, suffix = (CompressedImage, "/compressed") if is_compressed else (Image, "")
        self._publishers = {
            "image": client.node.create_publisher(kind, f"{self.topic}/image{suffix}", RELIABLE),
            "camera_info": client.node.create_publisher(CameraInfo, f"{self.topic}/camera_info", RELIABLE),
            "depth": client.node.create_publisher(Image, f"{self.topic}/depth", RELIABLE),
        }
        self._waiting: list[tuple[Callable[[Any], None], Any]] = []
        self._drawings: dict[str, Any] = {}
        client.node.create_subscription(HandArray, f"{self.published}/hands", self._receiver(self._check_hands), _DEEP)
        self._stamps: Iterator[Time] = iter(())
        self._images, self._frame, self._has_number = 0, FRAMES[0], True

    def change_habits(self, rng: np.random.Generator) -> None:
        """Stamp images in another way from now on; mostly with a number in the frame, to tell them apart."""
        self._stamps = stamps(str(rng.choice(HABITS)), self._clock, rng)
        self._frame, self._has_number = str(rng.choice(FRAMES)), rng.random() < 0.7

    def behave(self, rng: np.random.Generator) -> None:
        """Stamp images as cameras should."""
        self._stamps, self._frame, self._has_number = stamps("now", self._clock, rng), FRAMES[0], True

    def next_header(self) -> Header:
        """Header of the next image."""
        self._images += 1
        frame = f"{self._frame}/{self._images}" if self._has_number else self._frame
        return Header(stamp=next(self._stamps), frame_id=frame)

    def send(self, topic: str, message: Any, size: tuple[int, int] | None = None) -> None:
        """Publish a message; for images the size is that of the image in it, if it is certain."""
        if topic == "image":
            self.sent.add(key_of(message.header), size)
        self.last_sent[topic] = message
        self._publishers[topic].publish(message)

    def toggle(self, drawing: str) -> None:
        """Subscribe to one of `DRAWINGS`, or no longer."""
        subscription = self._drawings.pop(drawing, None)
        if subscription is not None:
            self._client.node.destroy_subscription(subscription)
            return
        kind, check = DRAWINGS[drawing]
        receive = self._receiver(lambda message: check(message, self.sent))
        self._drawings[drawing] = self._client.node.create_subscription(
            kind, f"{self.published}/{drawing}", receive, _DEEP
        )

    def check_received(self) -> None:
        """Check what was received since the last call."""
        waiting, self._waiting = self._waiting, []
        for check, message in waiting:
            self.checked[type(message).__name__] += 1
            try:
                check(message)
            except BrokenPromiseError as error:
                error.args = (f"{self.published}: {error}", {"published": message, **self.last_sent})
                raise

    def _check_hands(self, message: HandArray) -> None:
        self.hands.check(message)
        self.answers.append(message)
        self.checked["hands"] += len(message.hands)
        self.checked["hands in metres"] += sum(len(hand.joints_3d) > 0 for hand in message.hands)

    def _receiver(self, check: Callable[[Any], None]) -> Callable[[Any], None]:
        return lambda message: self._waiting.append((check, message))
