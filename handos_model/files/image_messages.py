"""The content of ROS image messages as arrays: numpy views for the common encodings, OpenCV for compressed ones.

Messages of rclpy and of recordings have the same fields, and both are read: nothing here needs ROS.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.files.image_header import ImageTooLargeError, require_decodable
from handos_model.files.images import decode_encoded_image
from handos_model.files.signal_range import SignalRange
from handos_model.geometry.arrays import FloatArray, ImageArray


class RawImage(Protocol):
    """The fields of sensor_msgs/Image that are read."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


class EncodedImage(Protocol):
    """The fields of sensor_msgs/CompressedImage that are read."""

    format: str
    data: Any


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
"""A luma plane, then half as many rows of chroma, rounded up or down; OpenCV's conversions to BGR."""
ENCODINGS: Final[tuple[str, ...]] = (*_PACKED, *_SEMI_PLANAR)
"""Encodings of raw images that are decoded."""
_INTERLEAVED_YUV: Final = (cv2.COLOR_YUV2BGR_UYVY, cv2.COLOR_YUV2BGR_YUY2)
_NO_COLOUR: Final = 128
"""Chroma of grey."""
_DEPTH_UNITS: Final[dict[str, tuple[str, float]]] = {
    "16UC1": ("u2", 0.001),
    "mono16": ("u2", 0.001),
    "32FC1": ("f4", 1.0),
}
"""Data type of depth images, and metres per unit (REP 118)."""
_NOT_MEASURED: Final = 0xFFFF
"""What many depth cameras write into 16 bits where they measure nothing; others write 0."""


class ImageDecodingError(ValueError):
    """An image message cannot be decoded: why, and what to do."""


class UnsupportedEncodingError(ImageDecodingError):
    """The encoding of an image is not one of `ENCODINGS`."""


def decode_raw_image(message: RawImage, signal_range: SignalRange | None = None) -> ImageArray:
    """Decode an image message as (H, W, 3) BGR uint8.

    A ``bgr8`` image is returned as a view of the message's data, not as a copy. Of 16-bit samples the upper 8 of the
    bits that the signal uses are kept: the network needs no more.

    Parameters
    ----------
    message
        Of any camera.
    signal_range
        The bits of the camera's samples, which is updated; ``None``: those that this image uses.

    Raises
    ------
    UnsupportedEncodingError
        If its encoding is not one of `ENCODINGS`.
    ImageDecodingError
        If its data are incomplete, or it is too large.
    """
    signal_range = signal_range or SignalRange()
    try:
        require_decodable(message.width, message.height)
        if message.encoding in _PACKED:
            return _decode_packed(message, _PACKED[message.encoding], signal_range)
        if message.encoding in _SEMI_PLANAR:
            return _decode_semi_planar(message)
    except ImageTooLargeError as error:
        raise ImageDecodingError(f"image message is not decoded: {error}") from error
    except cv2.error as error:
        raise ImageDecodingError(
            f"{message.encoding} image of {message.width} x {message.height} pixels cannot be converted to BGR: have "
            f"the camera's driver publish another encoding or size ({error})"
        ) from error
    raise UnsupportedEncodingError(
        f"image encoding {message.encoding!r} is not supported: have the camera's driver publish one of "
        f"{', '.join(ENCODINGS)}"
    )


def decode_compressed_image(message: EncodedImage, signal_range: SignalRange | None = None) -> ImageArray:
    """Decode a compressed image message as (H, W, 3) BGR uint8; its EXIF orientation is ignored.

    The camera_info describes the sensor, which the orientation would turn.

    Raises
    ------
    ImageDecodingError
        If it is not JPEG, PNG or another format of image files, damaged, or too large.
    """
    data = np.frombuffer(message.data, np.uint8)
    try:
        image = decode_encoded_image(data, signal_range or SignalRange(), apply_orientation=False)
    except ImageTooLargeError as error:
        raise ImageDecodingError(f"image message is not decoded: {error}") from error
    if image is None:
        raise ImageDecodingError(
            f"compressed image of format {message.format!r} ({len(data)} bytes) cannot be decoded: have the camera "
            "publish jpeg or png"
        )
    return image


def decode_depth(message: RawImage) -> FloatArray:
    """Decode a depth image as (H, W) metres; 0 or NaN where nothing was measured.

    Raises
    ------
    ImageDecodingError
        If its encoding is not that of a depth image, its data are incomplete, or it is too large.
    """
    if message.encoding not in _DEPTH_UNITS:
        raise ImageDecodingError(
            f"depth image encoding {message.encoding!r} is not supported: publish one of {', '.join(_DEPTH_UNITS)}"
        )
    try:
        require_decodable(message.width, message.height)
    except ImageTooLargeError as error:
        raise ImageDecodingError(f"depth image is not decoded: {error}") from error
    data_type, unit = _DEPTH_UNITS[message.encoding]
    dtype = np.dtype(data_type).newbyteorder(">" if message.is_bigendian else "<")
    samples = _samples(message, message.width, dtype)
    depth = np.asarray(samples * np.float32(unit), np.float32)
    if dtype.itemsize == 2:
        depth[samples == _NOT_MEASURED] = np.nan
    return depth


def _decode_packed(message: RawImage, layout: _PackedLayout, signal_range: SignalRange) -> ImageArray:
    if layout.conversion in _INTERLEAVED_YUV and message.width % 2:
        return _decode_odd_interleaved(message, layout)
    per_row = message.width * layout.channels
    if layout.sample_bytes == 1:
        samples = _rows(message, message.height, per_row)
    else:
        dtype = np.dtype("u2").newbyteorder(">" if message.is_bigendian else "<")
        samples = signal_range.to_eight_bits(_samples(message, per_row, dtype))
    return _convert(samples.reshape(message.height, message.width, layout.channels), layout.conversion)


def _decode_odd_interleaved(message: RawImage, layout: _PackedLayout) -> ImageArray:
    """The last pixel of a row has only one half of its colour: it gets the other half from the pixels before it."""
    rows = _rows(message, message.height, message.width * layout.channels)
    missing = rows[:, -4:-2] if message.width > 1 else np.full_like(rows, _NO_COLOUR)
    samples = np.hstack([rows, missing]).reshape(message.height, message.width + 1, layout.channels)
    return np.ascontiguousarray(_convert(samples, layout.conversion)[:, : message.width])


def _decode_semi_planar(message: RawImage) -> ImageArray:
    width, height = message.width + message.width % 2, message.height + message.height % 2
    if message.width % 2 and message.step == message.width:
        raise ImageDecodingError(
            f"{message.encoding} image of {message.width} x {message.height} pixels has no room for its colour in rows "
            f"of {message.step} bytes: have the camera's driver publish an even width, or a step of at least {width}"
        )
    # The colour of a last, odd row of pixels may be missing: it is that of the row before.
    is_complete = len(message.data) >= (message.height + height // 2) * message.step
    colour_rows = height // 2 if is_complete or message.height == 1 else message.height // 2
    rows = _rows(message, message.height + colour_rows, width)
    luma, chroma = rows[: message.height], rows[message.height :]
    if message.height % 2:
        luma = np.vstack([luma, luma[-1:]])
        chroma = chroma if is_complete else np.vstack([chroma, chroma[-1:]])
    if message.width % 2:
        luma = np.hstack([luma[:, :-1], luma[:, -2:-1]])
    image = _convert(np.vstack([luma, chroma]), _SEMI_PLANAR[message.encoding])
    return np.ascontiguousarray(image[: message.height, : message.width])


def _samples(message: RawImage, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """(H, count) samples of the message in this machine's byte order."""
    rows = _rows(message, message.height, count * dtype.itemsize)
    return np.ascontiguousarray(rows).view(dtype).astype(dtype.newbyteorder("="), copy=False)


def _rows(message: RawImage, count: int, row_bytes: int) -> ImageArray:
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
