"""Backgrounds: crops of photographs, if a folder of them is given, and of procedural patterns."""

from pathlib import Path

import cv2
import numpy as np

from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray
from handos_model.synthesis.patterns import random_pattern

PHOTO_SIDE = 900
"""Photographs are resized to this longer side, in pixels."""
PHOTO_PROBABILITY = 0.45
POOL_SIZE = 160
"""Procedural images are made once, then cropped, flipped, combined and recoloured."""
POOL_SEED = 20


class Backgrounds:
    """A pool of images that backgrounds are cropped from.

    Parameters
    ----------
    folder
        Photographs, or ``None`` for procedural backgrounds only.
    size
        Side of the square backgrounds in pixels.

    Raises
    ------
    FileNotFoundError
        If the folder contains no photograph.
    ImageFileError
        If a photograph cannot be read.
    """

    def __init__(self, folder: Path | None, size: int) -> None:
        rng = np.random.default_rng(POOL_SEED)
        self._size = size
        self._photos = [] if folder is None else read_photographs(folder)
        self._pool = [random_pattern(rng, 2 * size) for _ in range(POOL_SIZE)]

    def sample(self, rng: np.random.Generator) -> ImageArray:
        """(size, size, 3) BGR, a new array."""
        if self._photos and rng.random() < PHOTO_PROBABILITY:
            image = self._crop(rng, self._photos[rng.integers(len(self._photos))])
        else:
            image = self._crop(rng, self._pool[rng.integers(len(self._pool))])
            if rng.random() < 0.5:
                image = self._paste_rectangle(rng, image)
        image = recolour(rng, image)
        if rng.random() < 0.5:
            image = blur(image, rng.uniform(0.6, 5.0))
        return image

    def _crop(self, rng: np.random.Generator, image: ImageArray) -> ImageArray:
        height, width = image.shape[:2]
        side = int(min(height, width) * rng.uniform(0.25, 1.0))
        x, y = rng.integers(width - side + 1), rng.integers(height - side + 1)
        crop = cv2.resize(image[y : y + side, x : x + side], (self._size, self._size), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.flip(crop, 1) if rng.random() < 0.5 else crop, np.uint8)

    def _paste_rectangle(self, rng: np.random.Generator, image: ImageArray) -> ImageArray:
        """Paste a rectangle of a second pattern into the image: a table in front of a wall, a poster, a window."""
        other = self._crop(rng, self._pool[rng.integers(len(self._pool))])
        mask = np.zeros(image.shape[:2], np.uint8)
        centre = tuple(rng.uniform(0, self._size, 2))
        box = cv2.boxPoints((centre, tuple(rng.uniform(0.3, 1.6, 2) * self._size), float(rng.normal(0, 8))))
        cv2.fillConvexPoly(mask, box.astype(np.int32), 1)
        cv2.copyTo(other, mask, image)
        return image


def recolour(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """Change brightness, contrast and often the colours."""
    if rng.random() < 0.4:
        channels = cv2.split(image)
        image = np.asarray(cv2.merge([channels[k] for k in rng.permutation(3)]), np.uint8)
    gain, offset = rng.uniform(0.45, 1.25), rng.uniform(-25, 25)
    return np.asarray(cv2.convertScaleAbs(image, alpha=gain, beta=max(offset, 0)), np.uint8)


def blur(image: ImageArray, sigma: float) -> ImageArray:
    """As `cv2.GaussianBlur`, which needs two to three times as long because it is exact to the last bit."""
    kernel = cv2.getGaussianKernel(round(6 * sigma + 1) | 1, sigma, cv2.CV_32F)
    return np.asarray(cv2.sepFilter2D(image, -1, kernel, kernel), np.uint8)


def read_photographs(folder: Path) -> list[ImageArray]:
    """The photographs of a folder, at the size of backgrounds."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise FileNotFoundError(
            f"{folder} contains no photographs (*.jpg, *.jpeg, *.png): give another folder as --backgrounds, or none"
        )
    return [_resize(read_image(path)) for path in paths]


def _resize(photo: ImageArray) -> ImageArray:
    scale = PHOTO_SIDE / max(photo.shape[:2])
    return np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
