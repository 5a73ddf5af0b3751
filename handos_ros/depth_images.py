"""The newest depth images of a camera, to be found by the stamp of the image that they belong to."""

from collections import deque
from typing import Final

from rclpy.time import Time
from sensor_msgs.msg import Image

from handos_model.hand.hand import FloatArray
from handos_ros.image_decoding import ImageDecodingError, decode_depth

_KEPT: Final = 8
"""Depth images kept: more than come while an image is worked on."""


class DepthImages:
    """Filled by the executor's thread, read by the worker."""

    def __init__(self) -> None:
        self._newest: deque[Image] = deque(maxlen=_KEPT)

    def keep(self, message: Image) -> None:
        """Take in a depth image."""
        self._newest.append(message)

    def of(self, stamp: Time, width: int, height: int, tolerance: float) -> FloatArray | None:
        """Metres (H, W) of the image taken at `stamp`; ``None`` if no depth image is within `tolerance` seconds.

        Raises
        ------
        ImageDecodingError
            If the depth image cannot be read or is not aligned with the image.
        """

        def distance(message: Image) -> float:
            return abs((Time.from_msg(message.header.stamp) - stamp).nanoseconds) / 1e9

        message = min(list(self._newest), key=distance, default=None)
        if message is None or distance(message) > tolerance:
            return None
        if (message.width, message.height) != (width, height):
            raise ImageDecodingError(
                f"the depth image has {message.width} x {message.height} pixels, the image {width} x {height}: "
                "subscribe to the depth that is aligned with the image"
            )
        return decode_depth(message)
