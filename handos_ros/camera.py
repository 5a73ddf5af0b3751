"""The camera of an image topic: keeps its camera_info and answers with the intrinsics of an image."""

import time
from typing import Final

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from handos_ros.intrinsics import (
    CameraInfoError,
    ImageIntrinsics,
    IntrinsicsOrigin,
    assumed_intrinsics,
    intrinsics_from_camera_info,
)
from handos_ros.qos_mismatch import subscription_events
from handos_ros.topics import IMAGE_QOS, camera_info_topic, image_topic, overridable_qos

WARNING_PERIOD: Final = 10.0
"""Seconds between two warnings."""
PATIENCE: Final = 1.0
"""Seconds of images without camera_info until the first warning: at the start the first image may come first."""


class Camera:
    """Subscribes to the camera_info that belongs to the node's image topic.

    Parameters
    ----------
    node
        Subscribes and logs.
    field_of_view
        Degrees along the longer side of the image, assumed where there is no usable camera_info; ``None``: no
        intrinsics then.
    """

    def __init__(self, node: Node, field_of_view: float | None) -> None:
        self.info_topic = camera_info_topic(node)
        self._image_topic = image_topic(node)
        self._logger = node.get_logger()
        self._field_of_view = field_of_view
        self._info: CameraInfo | None = None
        self._first_image: float | None = None
        node.create_subscription(
            CameraInfo,
            self.info_topic,
            self._keep,
            IMAGE_QOS,
            event_callbacks=subscription_events(self.info_topic, self._logger),
            qos_overriding_options=overridable_qos(),
        )

    def intrinsics_of(self, width: int, height: int) -> ImageIntrinsics:
        """Intrinsics of an image of this size in pixels; what keeps them from being calibrated is logged."""
        info = self._info
        if info is None:
            self._warn_of_silence()
        else:
            try:
                return ImageIntrinsics(intrinsics_from_camera_info(info, width, height), IntrinsicsOrigin.CALIBRATED)
            except CameraInfoError as error:
                self._warn(f"camera_info on {self.info_topic} is not used: {error}")
        return assumed_intrinsics(width, height, self._field_of_view)

    def _keep(self, info: CameraInfo) -> None:
        self._info = info

    def _warn_of_silence(self) -> None:
        now = time.monotonic()
        self._first_image = self._first_image or now
        if self._field_of_view is None and now - self._first_image >= PATIENCE:
            self._warn(
                f"images arrive on {self._image_topic}, but no camera_info on {self.info_topic}: publish it there, or "
                "remap with -r camera_info:=<topic>"
            )

    def _warn(self, problem: str) -> None:
        if self._field_of_view is None:
            consequence = "only pixels are published, nothing in metres; -p field_of_view:=<degrees> assumes a camera"
        else:
            consequence = f"a field of view of {self._field_of_view:g} degrees is assumed"
        self._logger.warning(f"{problem}. Until then {consequence}.", throttle_duration_sec=WARNING_PERIOD)
