"""The surroundings of a sequence: one wide image at infinity, which the camera sees a part of."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from handos_model.geometry.arrays import Float64Array, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import back_project
from handos_model.synthesis.backgrounds import recolour
from handos_model.synthesis.patterns import random_pattern

PHOTOGRAPH_PROBABILITY: Final = 0.6
"""If there are photographs."""
PASTED: Final = (2, 7)
"""Rectangles of other patterns on a wall: posters, windows, tables."""


class Panorama:
    """A wide image, mapped by azimuth and elevation; beyond its borders it is mirrored.

    Parameters
    ----------
    rng
        Chooses the image.
    photographs
        To choose from; may be empty.
    camera, size
        Of the images (width, height): the first image is filled at its own resolution.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        photographs: Sequence[ImageArray],
        camera: CameraIntrinsics,
        size: tuple[int, int],
    ) -> None:
        self._camera, self._size = camera, size
        if photographs and rng.random() < PHOTOGRAPH_PROBABILITY:
            image = _cover(photographs[int(rng.integers(len(photographs)))], size)
        else:
            image = recolour(rng, _draw_room(rng, int(1.8 * max(size))))
        self._image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.5)), np.uint8)
        pixels = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1)
        self._rays = back_project(pixels, camera)

    def view(self, rotation: Float64Array) -> ImageArray:
        """(H, W, 3) BGR that a turned camera sees; `rotation` (3, 3) goes from its axes to those at the start."""
        x, y, z = np.moveaxis(self._rays @ rotation.T, -1, 0)
        height, width = self._image.shape[:2]
        column = self._camera.fx * np.arctan2(x, z) + width / 2
        row = self._camera.fy * np.arctan2(y, np.hypot(x, z)) + height / 2
        return np.asarray(
            cv2.remap(
                self._image, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT_101,
            ),
            np.uint8,
        )  # fmt: skip


def _cover(photograph: ImageArray, size: tuple[int, int]) -> ImageArray:
    """The photograph, enlarged until it fills an image."""
    height, width = photograph.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    return np.asarray(cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)


def _draw_room(rng: np.random.Generator, side: int) -> ImageArray:
    """A wall with rectangles of other patterns."""
    image = np.ascontiguousarray(random_pattern(rng, side))
    for _ in range(rng.integers(*PASTED)):
        width, height = (rng.uniform(0.08, 0.5, 2) * side).astype(int).tolist()
        x, y = (int(rng.integers(side - extent)) for extent in (width, height))
        pattern = random_pattern(rng, max(width, height))
        image[y : y + height, x : x + width] = pattern[:height, :width]
    return image
