"""What is behind everything: photographs where a folder of them is given, procedural rooms and clutter otherwise."""

from pathlib import Path

import cv2
import numpy as np

from handos_model.io.frame import ImageArray
from handos_model.synthesis.patterns import random_pattern

PHOTO_SIZE = 900
"""Photographs are kept with this longer side, in pixels."""
PHOTO_SHARE = 0.45
POOL_SIZE = 160
"""Procedural pictures are painted once and then cropped, flipped, mixed and recoloured."""
POOL_SEED = 20


class Backgrounds:
    """A pool of pictures to cut backgrounds from."""

    def __init__(self, folder: Path | None, size: int) -> None:
        rng = np.random.default_rng(POOL_SEED)
        self._size = size
        self._photos = [] if folder is None else _read_photos(folder)
        self._pool = [random_pattern(rng, 2 * size) for _ in range(POOL_SIZE)]

    def sample(self, rng: np.random.Generator) -> ImageArray:
        """(size, size, 3) BGR, a fresh array."""
        if self._photos and rng.random() < PHOTO_SHARE:
            picture = self._crop(rng, self._photos[rng.integers(len(self._photos))])
        else:
            picture = self._crop(rng, self._pool[rng.integers(len(self._pool))])
            if rng.random() < 0.5:
                picture = self._patchwork(rng, picture)
        picture = _recolour(rng, picture)
        if rng.random() < 0.5:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.6, 5.0)), np.uint8)
        return np.ascontiguousarray(picture, np.uint8)

    def _crop(self, rng: np.random.Generator, picture: ImageArray) -> ImageArray:
        height, width = picture.shape[:2]
        side = int(min(height, width) * rng.uniform(0.25, 1.0))
        x, y = rng.integers(width - side + 1), rng.integers(height - side + 1)
        crop = picture[y : y + side, x : x + side]
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        return np.asarray(cv2.resize(crop, (self._size, self._size), interpolation=cv2.INTER_LINEAR), np.uint8)

    def _patchwork(self, rng: np.random.Generator, picture: ImageArray) -> ImageArray:
        """Lay a second pattern over a part with straight edges: a wall behind a table, a poster, a window."""
        other = self._crop(rng, self._pool[rng.integers(len(self._pool))])
        mask = np.zeros(picture.shape[:2], np.uint8)
        centre = tuple(rng.uniform(0, self._size, 2))
        box = cv2.boxPoints((centre, tuple(rng.uniform(0.3, 1.6, 2) * self._size), float(rng.normal(0, 8))))
        cv2.fillConvexPoly(mask, box.astype(np.int32), 1)
        cv2.copyTo(other, mask, picture)
        return picture


def _recolour(rng: np.random.Generator, picture: ImageArray) -> ImageArray:
    if rng.random() < 0.4:
        picture = picture[..., rng.permutation(3)]
    gain, offset = rng.uniform(0.45, 1.25), rng.uniform(-25, 25)
    return np.asarray(cv2.convertScaleAbs(np.ascontiguousarray(picture), alpha=gain, beta=max(offset, 0)), np.uint8)


def _read_photos(folder: Path) -> list[ImageArray]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise FileNotFoundError(f"{folder} holds no photographs (*.jpg, *.png): give another --backgrounds, or none")
    photos = []
    for path in paths:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError(f"{path} is not a readable picture: remove it from the folder of backgrounds")
        scale = PHOTO_SIZE / max(picture.shape[:2])
        photos.append(np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8))
    return photos
