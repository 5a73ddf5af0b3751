"""Image messages to BGR arrays: numpy views for the common encodings, OpenCV for compressed ones.

cv_bridge, which breaks with each new numpy, is only asked for encodings that are not listed here.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CompressedImage, Image

from handos_model.hand.hand import FloatArray
from handos_model.io.frame import ImageArray

ImageMessage: TypeAlias = Image | CompressedImage


@dataclass(frozen=True)
class _Packed:
    """Samples of a pixel lie side by side."""

    channels: int
    conversion: int | None = None
    """OpenCV's, to BGR."""
    sample_bytes: int = 1


_PACKED: Final = {
    "bgr8": _Packed(3),
    "8UC3": _Packed(3),
    "rgb8": _Packed(3, cv2.COLOR_RGB2BGR),
    "bgra8": _Packed(4, cv2.COLOR_BGRA2BGR),
    "8UC4": _Packed(4, cv2.COLOR_BGRA2BGR),
    "rgba8": _Packed(4, cv2.COLOR_RGBA2BGR),
    "mono8": _Packed(1, cv2.COLOR_GRAY2BGR),
    "8UC1": _Packed(1, cv2.COLOR_GRAY2BGR),
    "mono16": _Packed(1, cv2.COLOR_GRAY2BGR, sample_bytes=2),
    "bgr16": _Packed(3, sample_bytes=2),
    "rgb16": _Packed(3, cv2.COLOR_RGB2BGR, sample_bytes=2),
    "yuv422": _Packed(2, cv2.COLOR_YUV2BGR_UYVY),
    "uyvy": _Packed(2, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": _Packed(2, cv2.COLOR_YUV2BGR_YUY2),
    "yuyv": _Packed(2, cv2.COLOR_YUV2BGR_YUY2),
    "bayer_rggb8": _Packed(1, cv2.COLOR_BayerRGGB2BGR),
    "bayer_bggr8": _Packed(1, cv2.COLOR_BayerBGGR2BGR),
    "bayer_gbrg8": _Packed(1, cv2.COLOR_BayerGBRG2BGR),
    "bayer_grbg8": _Packed(1, cv2.COLOR_BayerGRBG2BGR),
    "bayer_rggb16": _Packed(1, cv2.COLOR_BayerRGGB2BGR, sample_bytes=2),
    "bayer_bggr16": _Packed(1, cv2.COLOR_BayerBGGR2BGR, sample_bytes=2),
    "bayer_gbrg16": _Packed(1, cv2.COLOR_BayerGBRG2BGR, sample_bytes=2),
    "bayer_grbg16": _Packed(1, cv2.COLOR_BayerGRBG2BGR, sample_bytes=2),
}
_HALF_COLOUR: Final = {"nv12": cv2.COLOR_YUV2BGR_NV12, "nv21": cv2.COLOR_YUV2BGR_NV21}
"""A plane of brightness, then half as many rows of colour; OpenCV's conversions to BGR."""
_DEPTH_UNITS: Final[dict[str, tuple[str, float]]] = {
    "16UC1": ("u2", 0.001),
    "mono16": ("u2", 0.001),
    "32FC1": ("f4", 1.0),
}
"""Type of the numbers in depth images, and metres per unit (REP 118)."""


class ImageDecodingError(ValueError):
    """An image message cannot be turned into a picture: why, and what to do."""


def decode_image(message: ImageMessage) -> ImageArray:
    """Turn an image message into (H, W, 3) BGR uint8.

    A ``bgr8`` image is returned as a view of the message's data, not as a copy. Of 16-bit samples the upper 8 bits are
    kept: the network looks at no more.

    Raises
    ------
    ImageDecodingError
        If its encoding is not supported or its data are incomplete.
    """
    if isinstance(message, CompressedImage):
        return _decompress(message)
    if message.encoding in _PACKED:
        return _decode_packed(message, _PACKED[message.encoding])
    if message.encoding in _HALF_COLOUR:
        rows = _rows(message, message.height + message.height // 2, message.width)
        return _converted(rows, _HALF_COLOUR[message.encoding])
    return _decode_with_cv_bridge(message)


def decode_depth(message: Image) -> FloatArray:
    """Turn a depth image into (H, W) metres; 0 or NaN where nothing was measured.

    Raises
    ------
    ImageDecodingError
        If its encoding is not that of a depth image or its data are incomplete.
    """
    if message.encoding not in _DEPTH_UNITS:
        raise ImageDecodingError(
            f"depth image encoding {message.encoding!r} is not supported: publish one of {', '.join(_DEPTH_UNITS)}"
        )
    kind, unit = _DEPTH_UNITS[message.encoding]
    number = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    rows = _rows(message, message.height, message.width * number.itemsize)
    return np.asarray(np.ascontiguousarray(rows).view(number) * np.float32(unit), np.float32)


def _decode_packed(message: Image, layout: _Packed) -> ImageArray:
    rows = _rows(message, message.height, message.width * layout.channels * layout.sample_bytes)
    samples = rows.reshape(message.height, message.width, layout.channels, layout.sample_bytes)
    upper_byte = layout.sample_bytes - 1 if not message.is_bigendian else 0
    return _converted(samples[..., upper_byte], layout.conversion)


def _rows(message: Image, count: int, row_bytes: int) -> ImageArray:
    """(count, row_bytes) view of the message's data; the padding at the end of each row is left out."""
    if not message.width or not message.height or message.step < row_bytes or len(message.data) < count * message.step:
        raise ImageDecodingError(
            f"image message is incomplete: {message.width} x {message.height} {message.encoding} with step "
            f"{message.step} needs {count * max(message.step, row_bytes)} bytes in rows of at least {row_bytes}, it "
            f"has {len(message.data)}; check the camera driver"
        )
    return np.frombuffer(message.data, np.uint8, count * message.step).reshape(count, message.step)[:, :row_bytes]


def _converted(samples: npt.NDArray[np.uint8], conversion: int | None) -> ImageArray:
    if conversion is None:
        return samples
    return cast(ImageArray, cv2.cvtColor(np.ascontiguousarray(samples), conversion))


def _decode_with_cv_bridge(message: Image) -> ImageArray:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError as error:
        raise ImageDecodingError(
            f"image encoding {message.encoding!r} is not supported without cv_bridge: install it, or have the camera's "
            f"driver publish one of {', '.join((*_PACKED, *_HALF_COLOUR))}"
        ) from error
    try:
        return cast(ImageArray, CvBridge().imgmsg_to_cv2(message, "bgr8"))
    except CvBridgeError as error:
        raise ImageDecodingError(f"image encoding {message.encoding!r} is not supported: {error}") from error


def _decompress(message: CompressedImage) -> ImageArray:
    data = np.frombuffer(message.data, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise ImageDecodingError(
            f"compressed image of format {message.format!r} ({len(data)} bytes) cannot be decoded: have the camera "
            "publish jpeg or png"
        )
    return cast(ImageArray, image)
