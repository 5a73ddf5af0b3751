"""Image messages to BGR arrays: `files.image_messages`, and cv_bridge for the encodings that it does not know.

cv_bridge, which breaks with every new numpy, is used only for those.
"""

from typing import TypeAlias, cast

import cv2
from sensor_msgs.msg import CompressedImage, Image

from handos_model.files.image_messages import (
    ENCODINGS,
    ImageDecodingError,
    UnsupportedEncodingError,
    decode_compressed_image,
    decode_raw_image,
)
from handos_model.files.signal_range import SignalRange
from handos_model.geometry.arrays import ImageArray

ImageMessage: TypeAlias = Image | CompressedImage


def decode_image(message: ImageMessage, signal_range: SignalRange | None = None) -> ImageArray:
    """Decode an image message as (H, W, 3) BGR uint8: see `decode_raw_image` and `decode_compressed_image`.

    Parameters
    ----------
    message
        Of any camera.
    signal_range
        The bits of the camera's samples, which is updated; ``None``: those that this image uses.

    Raises
    ------
    ImageDecodingError
        If its encoding is not supported, its data are incomplete, or it is too large.
    """
    if isinstance(message, CompressedImage):
        return decode_compressed_image(message, signal_range)
    try:
        return decode_raw_image(message, signal_range)
    except UnsupportedEncodingError:
        return _decode_with_cv_bridge(message)


def _decode_with_cv_bridge(message: Image) -> ImageArray:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError as error:
        raise ImageDecodingError(
            f"image encoding {message.encoding!r} is not supported without cv_bridge: install it, or have the camera's "
            f"driver publish one of {', '.join(ENCODINGS)}"
        ) from error
    try:
        return cast(ImageArray, CvBridge().imgmsg_to_cv2(message, "bgr8"))
    except (CvBridgeError, cv2.error, RuntimeError, TypeError, ValueError) as error:
        raise ImageDecodingError(f"image encoding {message.encoding!r} is not supported: {error}") from error
