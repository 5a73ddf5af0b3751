"""Procedural textures: cloth, walls, paper, clutter."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from handos_model.geometry.arrays import ImageArray

Pattern = Callable[[np.random.Generator, int], ImageArray]
"""Makes a (size, size, 3) BGR texture from a generator and the size."""

WORDS: Final = (
    "the", "quick", "brown", "fox", "0123456789", "READY", "stop", "menu", "42%", "push", "OPEN", "file", "note",
)  # fmt: skip


def random_colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) BGR 0..255: mostly near grey, sometimes vivid."""
    grey = rng.uniform(10, 245)
    return np.clip(grey + rng.normal(0, 1, 3) * rng.choice([6, 25, 70], p=[0.4, 0.35, 0.25]), 0, 255)


def random_pattern(rng: np.random.Generator, size: int) -> ImageArray:
    """(size, size, 3) BGR, a random kind of pattern."""
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
    return pattern(rng, size)


def fractal_noise(rng: np.random.Generator, size: int, roughness: float) -> np.ndarray:
    """(size, size) float32 of about unit range: octaves of smooth noise, each scaled by `roughness`."""
    total = np.zeros((size, size), np.float32)
    weight, cells = 1.0, int(rng.integers(2, 5))
    while cells < size:
        octave = rng.random((cells, cells), dtype=np.float32) - 0.5
        total += weight * cv2.resize(octave, (size, size), interpolation=cv2.INTER_CUBIC)
        weight, cells = weight * roughness, cells * 2
    return total


def _plain(rng: np.random.Generator, size: int) -> ImageArray:
    noise = fractal_noise(rng, size, rng.uniform(0.3, 0.8)) * rng.uniform(5, 40)
    return _to_image(random_colour(rng) + noise[..., None])


def _marbled(rng: np.random.Generator, size: int) -> ImageArray:
    weight = np.clip(fractal_noise(rng, size, rng.uniform(0.5, 0.9)) * 1.6 + 0.5, 0, 1)[..., None]
    return _to_image(_blend_colours(rng, weight))


def _gradient(rng: np.random.Generator, size: int) -> ImageArray:
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    weight = np.clip((x * np.cos(angle) + y * np.sin(angle)) + 0.5, 0, 1)[..., None]
    return _to_image(_blend_colours(rng, weight) + rng.normal(0, 2, (size, size, 1)))


def _stripes(rng: np.random.Generator, size: int) -> ImageArray:
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, size / 3)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
    weight = np.clip(wave * rng.uniform(0.6, 8) + 0.5, 0, 1)[..., None]
    grain = fractal_noise(rng, size, 0.8)[..., None] * 12
    return _to_image(_blend_colours(rng, weight) + grain)


def _checks(rng: np.random.Generator, size: int) -> ImageArray:
    period = rng.uniform(5, size / 4)
    ramp = np.arange(size, dtype=np.float32)
    across = (np.sin(ramp * 2 * np.pi / period) > rng.uniform(-0.6, 0.6)).astype(np.float32)
    along = (np.sin(ramp * 2 * np.pi / (period * rng.uniform(0.7, 1.4))) > 0).astype(np.float32)
    weight = ((across[:, None] + along[None]) / 2)[..., None]
    return _to_image(_blend_colours(rng, weight))


def _weave(rng: np.random.Generator, size: int) -> ImageArray:
    period = rng.uniform(3, 9)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    relief = np.sin(x * 2 * np.pi / period) * np.cos(y * 2 * np.pi / period) * rng.uniform(5, 25)
    folds = fractal_noise(rng, size, 0.5) * 30
    return _to_image(random_colour(rng) + (relief + folds)[..., None])


def _grain(rng: np.random.Generator, size: int) -> ImageArray:
    """Wood grain."""
    lines = cv2.resize(rng.random((size, 4), dtype=np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    wood = np.array([60, 100, 150], np.float32) * rng.uniform(0.4, 1.5)
    return _to_image(wood + (lines - 0.5)[..., None] * 60 + fractal_noise(rng, size, 0.6)[..., None] * 25)


def _shapes(rng: np.random.Generator, size: int) -> ImageArray:
    """Clutter: boxes, ellipses, polygons, lines and words over a gradient."""
    image = np.ascontiguousarray(_gradient(rng, size))
    for _ in range(rng.integers(6, 40)):
        _draw_shape(rng, image)
    return image


def _draw_shape(rng: np.random.Generator, image: ImageArray) -> None:
    size = len(image)
    colour = tuple(float(value) for value in random_colour(rng))
    centre = rng.uniform(0, size, 2)
    extent = size * rng.gamma(2.0, 0.06) + 3
    at = centre.astype(int).tolist()
    kind = rng.integers(5)
    if kind == 0:
        angle = rng.choice([0.0, rng.uniform(0, 90)])
        box = cv2.boxPoints((tuple(centre), tuple(extent * rng.uniform(0.3, 2.2, 2)), float(angle)))
        cv2.fillConvexPoly(image, box.astype(np.int32), colour, cv2.LINE_AA)
    elif kind == 1:
        axes = (extent * rng.uniform(0.3, 1.0, 2)).astype(int)
        cv2.ellipse(image, at, axes.tolist(), rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    elif kind == 2:
        corners = (centre + rng.normal(0, extent * 0.7, (rng.integers(3, 7), 2))).astype(np.int32)
        cv2.fillPoly(image, [corners], colour, cv2.LINE_AA)
    elif kind == 3:
        end = (centre + rng.normal(0, extent * 2, 2)).astype(int).tolist()
        cv2.line(image, at, end, colour, int(rng.integers(1, 14)), cv2.LINE_AA)
    else:
        word = WORDS[rng.integers(len(WORDS))]
        font, scale, thickness = int(rng.integers(8)), rng.uniform(0.3, 1.6), int(rng.integers(1, 3))
        cv2.putText(image, word, at, font, scale, colour, thickness, cv2.LINE_AA)


def _shelves(rng: np.random.Generator, size: int) -> ImageArray:
    """Shelves: horizontal boards with upright boxes between them."""
    image = np.ascontiguousarray(_plain(rng, size))
    bottom = 0
    while bottom < size:
        height = int(rng.uniform(0.15, 0.45) * size)
        x = 0
        while x < size:
            width = int(rng.uniform(0.02, 0.2) * size) + 2
            top = bottom + int(height * rng.uniform(0.05, 0.8))
            colour = tuple(float(value) for value in random_colour(rng))
            cv2.rectangle(image, (x, top), (x + width, bottom + height), colour, -1)
            x += width + int(rng.exponential(0.04) * size)
        bottom += height
        cv2.line(image, (0, bottom), (size, bottom), tuple(float(v) for v in random_colour(rng)), max(2, size // 50))
    return image


def _blend_colours(rng: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    """Two random colours, the first by `weight` (H, W, 1) 0..1, the second by the rest."""
    first, second = random_colour(rng), random_colour(rng)
    return second.astype(np.float32) + (first - second).astype(np.float32) * weight.astype(np.float32)


def _to_image(values: np.ndarray) -> ImageArray:
    return np.clip(values, 0, 255).astype(np.uint8)


_PATTERNS: Final[tuple[Pattern, ...]] = (
    _plain, _marbled, _gradient, _stripes, _checks, _weave, _grain, _shapes, _shapes, _shelves,
)  # fmt: skip
CLOTH_PATTERNS: Final[tuple[Pattern, ...]] = (
    _plain, _plain, _weave, _weave, _weave, _stripes, _checks, _marbled,
)  # fmt: skip
