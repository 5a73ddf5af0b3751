"""Image messages to BGR arrays, without cv_bridge: numpy views for the common encodings, OpenCV for compressed ones."""

from typing import Final, TypeAlias, cast

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from handos_model.io.frame import ImageArray

ImageMessage: TypeAlias = Image | CompressedImage

_CHANNELS: Final = {"bgr8": 3, "rgb8": 3, "bgra8": 4, "rgba8": 4, "mono8": 1, "mono16": 1}
_CONVERSIONS: Final = {
    "rgb8": cv2.COLOR_RGB2BGR,
    "bgra8": cv2.COLOR_BGRA2BGR,
    "rgba8": cv2.COLOR_RGBA2BGR,
    "mono8": cv2.COLOR_GRAY2BGR,
    "mono16": cv2.COLOR_GRAY2BGR,
}


class ImageDecodingError(ValueError):
    """An image message cannot be turned into a picture: why, and what to do."""


def decode_image(message: ImageMessage) -> ImageArray:
    """Turn an image message into (H, W, 3) BGR uint8.

    A ``bgr8`` image is returned as a view of the message's data, not as a copy.

    Raises
    ------
    ImageDecodingError
        If its encoding is not supported or its data are incomplete.
    """
    if isinstance(message, CompressedImage):
        return _decompress(message)
    return _to_bgr(_view_of(message), message.encoding)


def _view_of(message: Image) -> ImageArray:
    """(H, W, C) view of the message's data, uint8; the padding at the end of each row is left out."""
    if message.encoding not in _CHANNELS:
        raise ImageDecodingError(
            f"image encoding {message.encoding!r} is not supported: have the camera's driver publish one of "
            f"{', '.join(_CHANNELS)}"
        )
    channels = _CHANNELS[message.encoding]
    sample_bytes = 2 if message.encoding == "mono16" else 1
    row_bytes = message.width * channels * sample_bytes
    if not message.width or message.step < row_bytes or len(message.data) < message.height * message.step:
        raise ImageDecodingError(
            f"image message is incomplete: {message.width} x {message.height} {message.encoding} with step "
            f"{message.step} needs {message.height * max(message.step, row_bytes)} bytes, it has {len(message.data)}; "
            "check the camera driver"
        )
    rows = np.frombuffer(message.data, np.uint8, message.height * message.step).reshape(message.height, message.step)
    samples = rows[:, :row_bytes].reshape(message.height, message.width, channels, sample_bytes)
    return samples[..., _most_significant_byte(message)]


def _most_significant_byte(message: Image) -> int:
    """Which byte of a sample holds its upper 8 bits: all that the network looks at of 16-bit images."""
    if message.encoding != "mono16":
        return 0
    return 0 if message.is_bigendian else 1


def _to_bgr(image: ImageArray, encoding: str) -> ImageArray:
    if encoding == "bgr8":
        return image
    return cast(ImageArray, cv2.cvtColor(np.ascontiguousarray(image), _CONVERSIONS[encoding]))


def _decompress(message: CompressedImage) -> ImageArray:
    data = np.frombuffer(message.data, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise ImageDecodingError(
            f"compressed image of format {message.format!r} ({len(data)} bytes) cannot be decoded: have the camera "
            "publish jpeg or png"
        )
    return cast(ImageArray, image)
