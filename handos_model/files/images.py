"""Image files as BGR arrays."""

from pathlib import Path
from typing import cast

import cv2
import numpy as np

from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import ImageArray


class ImageFileError(ValueError):
    """A file is not a readable image."""


def read_image(path: Path) -> ImageArray:
    """Read an image file as (H, W, 3) BGR uint8, with the rotation of its EXIF orientation applied.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ImageFileError
        If it is not a readable image.
    """
    # imdecode instead of imread: the latter prints its own warnings and fails on non-ASCII paths on some systems.
    data = np.fromfile(path, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise ImageFileError(
            f"image {path} cannot be read: it is damaged or not an image; replace it, or move it out of this folder"
        )
    return cast(ImageArray, image)


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
