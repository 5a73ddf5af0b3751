"""Image messages to BGR arrays: numpy views for the common encodings, OpenCV for compressed ones.

cv_bridge, which breaks with every new numpy, is used only for encodings that are not listed here.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CompressedImage, Image

from handos_model.geometry.arrays import FloatArray, ImageArray

ImageMessage: TypeAlias = Image | CompressedImage


@dataclass(frozen=True)
class _PackedLayout:
    """The samples of a pixel are adjacent."""

    channels: int
    conversion: int | None = None
    """OpenCV's code for the conversion to BGR."""
    sample_bytes: int = 1


_PACKED: Final = {
    "bgr8": _PackedLayout(3),
    "8UC3": _PackedLayout(3),
    "rgb8": _PackedLayout(3, cv2.COLOR_RGB2BGR),
    "bgra8": _PackedLayout(4, cv2.COLOR_BGRA2BGR),
    "8UC4": _PackedLayout(4, cv2.COLOR_BGRA2BGR),
    "rgba8": _PackedLayout(4, cv2.COLOR_RGBA2BGR),
    "mono8": _PackedLayout(1, cv2.COLOR_GRAY2BGR),
    "8UC1": _PackedLayout(1, cv2.COLOR_GRAY2BGR),
    "mono16": _PackedLayout(1, cv2.COLOR_GRAY2BGR, sample_bytes=2),
    "bgr16": _PackedLayout(3, sample_bytes=2),
    "rgb16": _PackedLayout(3, cv2.COLOR_RGB2BGR, sample_bytes=2),
    "yuv422": _PackedLayout(2, cv2.COLOR_YUV2BGR_UYVY),
    "uyvy": _PackedLayout(2, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": _PackedLayout(2, cv2.COLOR_YUV2BGR_YUY2),
    "yuyv": _PackedLayout(2, cv2.COLOR_YUV2BGR_YUY2),
    "bayer_rggb8": _PackedLayout(1, cv2.COLOR_BayerRGGB2BGR),
    "bayer_bggr8": _PackedLayout(1, cv2.COLOR_BayerBGGR2BGR),
    "bayer_gbrg8": _PackedLayout(1, cv2.COLOR_BayerGBRG2BGR),
    "bayer_grbg8": _PackedLayout(1, cv2.COLOR_BayerGRBG2BGR),
    "bayer_rggb16": _PackedLayout(1, cv2.COLOR_BayerRGGB2BGR, sample_bytes=2),
    "bayer_bggr16": _PackedLayout(1, cv2.COLOR_BayerBGGR2BGR, sample_bytes=2),
    "bayer_gbrg16": _PackedLayout(1, cv2.COLOR_BayerGBRG2BGR, sample_bytes=2),
    "bayer_grbg16": _PackedLayout(1, cv2.COLOR_BayerGRBG2BGR, sample_bytes=2),
}
_SEMI_PLANAR: Final = {"nv12": cv2.COLOR_YUV2BGR_NV12, "nv21": cv2.COLOR_YUV2BGR_NV21}
"""A luma plane, then half as many rows of chroma; OpenCV's conversions to BGR."""
_DEPTH_UNITS: Final[dict[str, tuple[str, float]]] = {
    "16UC1": ("u2", 0.001),
    "mono16": ("u2", 0.001),
    "32FC1": ("f4", 1.0),
}
"""Data type of depth images, and metres per unit (REP 118)."""


class ImageDecodingError(ValueError):
    """An image message cannot be decoded: why, and what to do."""


def decode_image(message: ImageMessage) -> ImageArray:
    """Decode an image message as (H, W, 3) BGR uint8.

    A ``bgr8`` image is returned as a view of the message's data, not as a copy. Of 16-bit samples the upper 8 bits are
    kept: the network needs no more.

    Raises
    ------
    ImageDecodingError
        If its encoding is not supported or its data are incomplete.
    """
    if isinstance(message, CompressedImage):
        return _decompress(message)
    if message.encoding in _PACKED:
        return _decode_packed(message, _PACKED[message.encoding])
    if message.encoding in _SEMI_PLANAR:
        rows = _rows(message, message.height + message.height // 2, message.width)
        return _convert(rows, _SEMI_PLANAR[message.encoding])
    return _decode_with_cv_bridge(message)


def decode_depth(message: Image) -> FloatArray:
    """Decode a depth image as (H, W) metres; 0 or NaN where nothing was measured.

    Raises
    ------
    ImageDecodingError
        If its encoding is not that of a depth image or its data are incomplete.
    """
    if message.encoding not in _DEPTH_UNITS:
        raise ImageDecodingError(
            f"depth image encoding {message.encoding!r} is not supported: publish one of {', '.join(_DEPTH_UNITS)}"
        )
    data_type, unit = _DEPTH_UNITS[message.encoding]
    dtype = np.dtype(data_type).newbyteorder(">" if message.is_bigendian else "<")
    rows = _rows(message, message.height, message.width * dtype.itemsize)
    return np.asarray(np.ascontiguousarray(rows).view(dtype) * np.float32(unit), np.float32)


def _decode_packed(message: Image, layout: _PackedLayout) -> ImageArray:
    rows = _rows(message, message.height, message.width * layout.channels * layout.sample_bytes)
    samples = rows.reshape(message.height, message.width, layout.channels, layout.sample_bytes)
    upper_byte = layout.sample_bytes - 1 if not message.is_bigendian else 0
    return _convert(samples[..., upper_byte], layout.conversion)


def _rows(message: Image, count: int, row_bytes: int) -> ImageArray:
    """(count, row_bytes) view of the message's data; without the padding at the end of each row."""
    if not message.width or not message.height or message.step < row_bytes or len(message.data) < count * message.step:
        raise ImageDecodingError(
            f"image message is incomplete: {message.width} x {message.height} {message.encoding} with step "
            f"{message.step} needs {count * max(message.step, row_bytes)} bytes in rows of at least {row_bytes}, it "
            f"has {len(message.data)}; check the camera driver"
        )
    return np.frombuffer(message.data, np.uint8, count * message.step).reshape(count, message.step)[:, :row_bytes]


def _convert(samples: npt.NDArray[np.uint8], conversion: int | None) -> ImageArray:
    if conversion is None:
        return samples
    return cast(ImageArray, cv2.cvtColor(np.ascontiguousarray(samples), conversion))


def _decode_with_cv_bridge(message: Image) -> ImageArray:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError as error:
        raise ImageDecodingError(
            f"image encoding {message.encoding!r} is not supported without cv_bridge: install it, or have the camera's "
            f"driver publish one of {', '.join((*_PACKED, *_SEMI_PLANAR))}"
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
