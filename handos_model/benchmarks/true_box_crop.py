"""The square around a true hand that methods without a detector are given."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray
from handos_model.inference.preprocessing import PADDING_GREY
from handos_model.io.frame import CameraIntrinsics, ImageArray

CONTEXT: Final = 2.0
"""Side of the square relative to the longest side of the box, as HaMeR is evaluated on HInt."""
_LEAST_SIDE: Final = 16


@dataclass(frozen=True)
class Crop:
    """Part of an image."""

    image: ImageArray
    """(S, S, 3) BGR; grey where it reaches beyond the image."""
    camera: CameraIntrinsics | None
    """Intrinsics of the part: its hands have the same metres as those of the whole image."""
    offset: npt.NDArray[np.float64]
    """(2,) pixel of the image that is the part's top left one; may lie outside."""


def crop_around(image: ImageArray, box: FloatArray, camera: CameraIntrinsics | None) -> Crop:
    """Cut out the square of `CONTEXT` times the longest side of `box` (x0, y0, x1, y1), with the same middle."""
    low, high = box.astype(np.float64).reshape(2, 2)
    side = max(_LEAST_SIDE, int(np.ceil(CONTEXT * (high - low).max())))
    left, top = np.floor((low + high - side) / 2).astype(int).tolist()
    height, width = image.shape[:2]
    part = np.full((side, side, 3), PADDING_GREY, np.uint8)
    rows, columns = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))
    seen = image[rows, columns]
    part[rows.start - top :, columns.start - left :][: seen.shape[0], : seen.shape[1]] = seen
    if camera is not None:
        camera = CameraIntrinsics(camera.fx, camera.fy, camera.cx - left, camera.cy - top)
    return Crop(part, camera, np.array([left, top], np.float64))
