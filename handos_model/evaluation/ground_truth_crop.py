"""What `--gt-box` shows the network: the protocol of methods without a detector, which differs between data sets."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.inference.preprocessing import PADDING_GREY

CROP_SCALE: Final = 2.0
"""Side of the square relative to the longest side of the box, as in HaMeR's evaluation."""
_MIN_SIDE: Final = 16


@dataclass(frozen=True)
class CropProtocol:
    """What `--gt-box` shows the network of the images of one data set."""

    description: str
    """One line for reports: what is shown, and whose protocol it is."""
    whole_images: bool = False
    """The images are crops around the hand already; otherwise the square of `crop_around`."""


@dataclass(frozen=True)
class Crop:
    """Part of an image."""

    image: ImageArray
    """(S, S, 3) BGR; grey outside the image."""
    camera: CameraIntrinsics | None
    """Intrinsics of the crop; hands have the same metres as in the whole image."""
    offset: Float64Array
    """(2,) pixel of the image at the crop's top left corner; may lie outside."""


def crop_around(image: ImageArray, box: FloatArray, camera: CameraIntrinsics | None) -> Crop:
    """Cut out the square of `CROP_SCALE` times the longest side of `box` (x0, y0, x1, y1), with the same centre."""
    low, high = box.astype(np.float64).reshape(2, 2)
    side = max(_MIN_SIDE, int(np.ceil(CROP_SCALE * (high - low).max())))
    left, top = np.floor((low + high - side) / 2).astype(int).tolist()
    height, width = image.shape[:2]
    crop = np.full((side, side, 3), PADDING_GREY, np.uint8)
    rows, columns = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))
    inside = image[rows, columns]
    crop[rows.start - top :, columns.start - left :][: inside.shape[0], : inside.shape[1]] = inside
    if camera is not None:
        camera = CameraIntrinsics(camera.fx, camera.fy, camera.cx - left, camera.cy - top)
    return Crop(crop, camera, np.array([left, top], np.float64))
