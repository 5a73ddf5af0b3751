"""The newest depth images of a camera, looked up by the stamp of the image that they belong to."""

from collections import deque
from typing import Final

from rclpy.time import Time
from sensor_msgs.msg import Image

from handos_model.geometry.arrays import FloatArray
from handos_ros.image_decoding import ImageDecodingError, decode_depth

_MAX_KEPT: Final = 8
"""More than arrive while an image is processed."""


class DepthImages:
    """Filled by the executor's thread, read by the worker."""

    def __init__(self) -> None:
        self._newest: deque[Image] = deque(maxlen=_MAX_KEPT)

    def add(self, message: Image) -> None:
        """Add a depth image."""
        self._newest.append(message)

    def at(self, stamp: Time, width: int, height: int, tolerance: float) -> FloatArray | None:
        """Depth image (H, W) in metres nearest to `stamp`; ``None`` if none is within `tolerance` seconds.

        Raises
        ------
        ImageDecodingError
            If the depth image cannot be read or is not aligned with the image.
        """

        def distance(message: Image) -> float:
            # By hand: rclpy's Time refuses negative stamps, and such a message must not cost the image.
            measured = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            return abs(measured - stamp.nanoseconds) / 1e9

        message = min(list(self._newest), key=distance, default=None)
        if message is None or distance(message) > tolerance:
            return None
        if (message.width, message.height) != (width, height):
            raise ImageDecodingError(
                f"the depth image has {message.width} x {message.height} pixels, the image {width} x {height}: "
                "subscribe to the depth that is aligned with the image"
            )
        return decode_depth(message)
