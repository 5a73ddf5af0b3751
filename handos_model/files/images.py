"""Image files as BGR arrays."""

from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.files.atomic_write import atomic_write
from handos_model.files.image_header import ImageTooLargeError, encoded_size, require_decodable
from handos_model.files.nearest_path import did_you_mean
from handos_model.files.opencv_messages import silent_opencv
from handos_model.files.signal_range import SignalRange
from handos_model.geometry.arrays import ImageArray

_JPEG_QUALITY: Final = 90


class ImageFileError(ValueError):
    """A file is not a readable image."""


def read_image(path: Path) -> ImageArray:
    """Read an image file as (H, W, 3) BGR uint8, with the rotation of its EXIF orientation applied.

    Of samples with more than 8 bits the upper 8 of those that the file uses are kept.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ImageFileError
        If it is not a readable image, or too large.
    """
    # imdecode instead of imread: the latter prints its own warnings and fails on non-ASCII paths on some systems.
    if not path.exists():
        raise FileNotFoundError(f"image {path} does not exist{did_you_mean(path)}")
    try:
        image = decode_encoded_image(np.fromfile(path, np.uint8), SignalRange())
    except ImageTooLargeError as error:
        raise ImageFileError(f"image {path} is not read: {error}") from error
    if image is None:
        raise ImageFileError(
            f"image {path} cannot be read: it is damaged or not an image; replace it, or move it out of this folder"
        )
    return image


def decode_encoded_image(
    data: npt.NDArray[np.uint8], signal_range: SignalRange, *, apply_orientation: bool = True
) -> ImageArray | None:
    """Decode JPEG, PNG, WebP, TIFF, BMP or netpbm as (H, W, 3) BGR uint8; ``None`` if it is none, or damaged.

    Parameters
    ----------
    data
        The encoded image.
    signal_range
        Which of 16 bits are kept.
    apply_orientation
        Rotate by the EXIF orientation. A camera's intrinsics are those of its sensor, without it.

    Raises
    ------
    ImageTooLargeError
        If it has more pixels than are decoded, by its header.
    """
    size = encoded_size(data.data)
    if size is None:
        return None
    require_decodable(*size)
    flags = cv2.IMREAD_COLOR | (0 if apply_orientation else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        with silent_opencv():
            image = cv2.imdecode(data, flags | cv2.IMREAD_ANYDEPTH)
    except cv2.error:  # instead of returning None, for some damages
        return None
    if image is None or image.dtype == np.uint8:
        return cast("ImageArray | None", image)
    # Floating-point TIFF is measurements, not an image.
    return signal_range.to_eight_bits(cast("npt.NDArray[np.uint16]", image)) if image.dtype == np.uint16 else None


def write_image(path: Path, image: ImageArray) -> None:
    """Write (H, W, 3) BGR uint8 in the format that the file's suffix names.

    Raises
    ------
    OSError
        If the suffix is not that of an image format.
    """
    encoded, data = cv2.imencode(path.suffix, image)
    if not encoded:
        raise OSError(f"image {path} cannot be written: choose another suffix, such as .png")
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())


def encode_jpeg(image: ImageArray) -> bytes:
    """A (H, W, 3) BGR uint8 image as JPEG of good quality, for viewers and recordings."""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
