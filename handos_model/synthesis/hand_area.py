"""How much of a hand an image shows: its pixels, compared with those that it would have alone on an unbounded image."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.synthesis.rasteriser import perspective_planes, rasterise
from handos_model.synthesis.shading import Rendering

MARGIN: Final = 0.5
"""Of the image's sides, beyond each border; what lies farther out does not count."""


@dataclass(frozen=True)
class HandArea:
    """Pixels of a hand that nothing hides."""

    inside: int
    """In the image."""
    total: int
    """In the image and around it."""

    def fractions(self, rendering: Rendering, hand_id: int) -> tuple[float, float]:
        """Fraction of the hand's area inside the image, and of what the rendering shows of it."""
        if self.total == 0:
            return 0.0, 0.0
        shown = int(((rendering.hand_ids == hand_id) & (rendering.part_ids > 0)).sum())
        return self.inside / self.total, min(shown, self.inside) / self.total


def measure_hand_area(
    vertices: FloatArray, faces: IntArray, camera: CameraIntrinsics, size: tuple[int, int]
) -> HandArea:
    """Draw a hand alone.

    Parameters
    ----------
    vertices, faces
        (V, 3) in camera coordinates and (F, 3) of the hand without its forearm, counter-clockwise from outside.
    camera, size
        Intrinsics, and width and height of the image.
    """
    width, height = size
    left, top = round(MARGIN * width), round(MARGIN * height)
    intrinsics = (np.float32(value) for value in (camera.fx, camera.fy, camera.cx + left, camera.cy + top))
    planes, bounds = perspective_planes(vertices, np.ascontiguousarray(faces), *intrinsics)
    _, face_ids = rasterise(planes, bounds, height + 2 * top, width + 2 * left, np.float32(0))
    drawn = face_ids >= 0
    return HandArea(int(drawn[top : top + height, left : left + width].sum()), int(drawn.sum()))
