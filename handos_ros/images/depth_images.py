"""The newest depth images of a camera, looked up by the stamp of the image that they belong to."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from sensor_msgs.msg import Image

from handos_model.files.image_messages import ImageDecodingError, decode_depth
from handos_model.geometry.arrays import FloatArray
from handos_ros.clocks.stamps import nanoseconds

_MAX_KEPT: Final = 8
"""More than arrive while an image is processed."""
_MAX_WAIT: Final = 1.0
"""Seconds between the receptions of an image and its depth, whatever their stamps say."""


@dataclass(frozen=True)
class _ReceivedDepth:
    message: Image
    received: float


class DepthImages:
    """Filled by the executor's thread, read by the worker."""

    def __init__(self) -> None:
        self._newest: deque[_ReceivedDepth] = deque(maxlen=_MAX_KEPT)

    def add(self, message: Image, received: float) -> None:
        """Add a depth image, received at this time in seconds."""
        self._newest.append(_ReceivedDepth(message, received))

    def at(self, stamp: int, received: float, width: int, height: int, tolerance: float) -> FloatArray | None:
        """Depth image (H, W) in metres that was taken with an image; ``None`` if none is within `tolerance` seconds.

        Stamps that are not set, in the image or in the depth image, are replaced by the times of reception.

        Parameters
        ----------
        stamp, received
            The image's stamp in nanoseconds, and the seconds at which it was received.
        width, height
            The image's size in pixels.
        tolerance
            Maximum difference in seconds.

        Raises
        ------
        ImageDecodingError
            If the depth image cannot be read or is not aligned with the image.
        """

        def distance(depth: _ReceivedDepth) -> float:
            measured, waited = nanoseconds(depth.message.header.stamp), abs(depth.received - received)
            if waited > _MAX_WAIT:  # a depth camera that stopped, with stamps that stand still
                return math.inf
            return abs(measured - stamp) / 1e9 if measured > 0 and stamp > 0 else waited

        # Newest first, because stamps that stand still are all equally near.
        nearest = min(reversed(list(self._newest)), key=distance, default=None)
        if nearest is None or distance(nearest) > tolerance:
            return None
        message = nearest.message
        if (message.width, message.height) != (width, height):
            raise ImageDecodingError(
                f"the depth image has {message.width} x {message.height} pixels, the image {width} x {height}: "
                "subscribe to the depth that is aligned with the image"
            )
        return decode_depth(message)
