"""A camera: its topics, and what is known about its images."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from handos_ros.depth_images import DepthImages
from handos_ros.image_decoding import ImageMessage
from handos_ros.image_loss import ImageLoss
from handos_ros.intrinsics import (
    CameraInfoError,
    ImageIntrinsics,
    assumed_intrinsics,
    intrinsics_from_camera_info,
)
from handos_ros.parameters import NodeParameters
from handos_ros.qos_mismatch import subscription_events
from handos_ros.topics import IMAGE_QOS, camera_info_topic, depth_topic, image_topic, overridable_qos

WARNING_PERIOD: Final = 10.0
"""Seconds between two warnings."""
PATIENCE: Final = 1.0
"""Seconds of images without camera_info until the first warning: at the start the first image may come first."""


@dataclass(frozen=True)
class ReceivedImage:
    """An image message and when it reached the node."""

    camera: "Camera"
    message: ImageMessage
    received: Time


class Camera:
    """Subscribes to the topics of one camera until it is closed.

    Parameters
    ----------
    node
        Subscribes and logs.
    name
        Prefix of the topics; empty: none.
    parameters
        Those read at configuration.
    deliver
        Called with every image, in the executor's thread.
    """

    def __init__(
        self, node: Node, name: str, parameters: NodeParameters, deliver: Callable[[ReceivedImage], None]
    ) -> None:
        self.name = name
        compressed = parameters.image_transport == "compressed"
        # As image_transport does it: the name of the raw topic is remapped, the transport's is derived from it.
        self.image_topic = image_topic(node, name) + ("/compressed" if compressed else "")
        self.info_topic = camera_info_topic(node, name)
        self.rectified = _is_rectified(parameters.rectification, image_topic(node, name))
        self.depth_images = DepthImages()
        self.loss = ImageLoss(self.image_topic)
        self.last_image: float | None = None
        """`time.monotonic` of the newest image."""
        self._node = node
        # A logger of its own, because warnings are throttled per logger: no camera hides the warnings of another.
        self._logger = node.get_logger().get_child(name) if name else node.get_logger()
        self._deliver = deliver
        self._info: CameraInfo | None = None
        self._first_image: float | None = None
        self._subscriptions = [
            self._subscribe(CameraInfo, self.info_topic, self._keep_info),
            self._subscribe(
                CompressedImage if compressed else Image, self.image_topic, self._receive, self._count_lost
            ),
        ]
        if parameters.depth:
            self._subscriptions.append(self._subscribe(Image, depth_topic(node, name), self.depth_images.keep))
        self._reminder = node.create_timer(WARNING_PERIOD, self._remind_of_silence)

    def close(self) -> None:
        """Unsubscribe, so that a camera's driver that is needed by nobody else can rest."""
        self._node.destroy_timer(self._reminder)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def intrinsics_of(self, width: int, height: int, field_of_view: float | None) -> ImageIntrinsics:
        """Intrinsics of an image of this size in pixels; what keeps them from being calibrated is logged.

        Parameters
        ----------
        width, height
            Of the image in pixels.
        field_of_view
            Degrees along the longer side of the image, assumed where there is no usable camera_info; ``None``: no
            intrinsics then.
        """
        info = self._info
        if info is None:
            self._warn_of_missing_info(field_of_view)
        else:
            try:
                return intrinsics_from_camera_info(info, width, height, rectified=self.rectified)
            except CameraInfoError as error:
                self._warn(f"camera_info on {self.info_topic} is not used: {error}", field_of_view)
        return assumed_intrinsics(width, height, field_of_view)

    def _subscribe(
        self,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        message_lost: Callable[[Any], None] | None = None,
    ) -> "Subscription[Any]":
        return self._node.create_subscription(
            kind,
            topic,
            callback,
            IMAGE_QOS,
            event_callbacks=subscription_events(topic, self._logger, message_lost),
            qos_overriding_options=overridable_qos(),
        )

    def _receive(self, message: ImageMessage) -> None:
        self._reminder.cancel()
        self.last_image = time.monotonic()
        self.loss.received += 1
        self._deliver(ReceivedImage(self, message, self._node.get_clock().now().to_msg()))

    def _count_lost(self, event: Any) -> None:
        self.loss.lost += event.total_count_change
        warning = self.loss.warning()
        if warning is not None:
            self._logger.warning(warning, throttle_duration_sec=WARNING_PERIOD)

    def _keep_info(self, info: CameraInfo) -> None:
        self._info = info

    def _remind_of_silence(self) -> None:
        publishers = self._node.count_publishers(self.image_topic)
        if publishers == 0:
            remedy = f"nobody publishes there; name the camera's topic with --ros-args -r {self._remappable()}:=<topic>"
        else:
            remedy = (
                f"it has {publishers} publisher(s); large images may get lost in best effort, try "
                f"-p qos_overrides.{self.image_topic}.subscription.reliability:=reliable"
            )
        self._logger.warning(f"no image yet on {self.image_topic}: {remedy}")

    def _remappable(self) -> str:
        return f"{self.name}/image" if self.name else "image"

    def _warn_of_missing_info(self, field_of_view: float | None) -> None:
        now = time.monotonic()
        self._first_image = self._first_image or now
        if field_of_view is None and now - self._first_image >= PATIENCE:
            self._warn(
                f"images arrive on {self.image_topic}, but no camera_info on {self.info_topic}: publish it there, or "
                "remap with -r camera_info:=<topic>",
                field_of_view,
            )

    def _warn(self, problem: str, field_of_view: float | None) -> None:
        if field_of_view is None:
            consequence = "only pixels are published, nothing in metres; -p field_of_view:=<degrees> assumes a camera"
        else:
            consequence = f"a field of view of {field_of_view:g} degrees is assumed"
        self._logger.warning(f"{problem}. Until then {consequence}.", throttle_duration_sec=WARNING_PERIOD)


def _is_rectified(rectification: str, topic: str) -> bool:
    if rectification == "auto":
        return topic.rpartition("/")[2].startswith("image_rect")
    return rectification == "rectified"
