"""Which found hand belongs to which true one."""

from typing import Final

import numpy as np
import numpy.typing as npt

LEAST_OVERLAP: Final[float] = 0.5
"""Intersection over union from which on two boxes mean the same hand."""


def box_overlaps(first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4), x0, y0, x1, y1."""
    a = np.asarray(first, np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, np.float64).reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    intersection = np.maximum(sides, 0).prod(axis=-1)
    union = (a[..., 2:] - a[..., :2]).prod(axis=-1) + (b[..., 2:] - b[..., :2]).prod(axis=-1) - intersection
    return np.asarray(intersection / np.maximum(union, 1e-12))


def match_boxes(found: npt.ArrayLike, true: npt.ArrayLike) -> list[tuple[int, int]]:
    """Pairs (index in `found`, index in `true`), the best overlaps first, each at least `LEAST_OVERLAP`."""
    overlaps = box_overlaps(found, true)
    pairs = []
    while overlaps.size and overlaps.max() >= LEAST_OVERLAP:
        i, j = np.unravel_index(overlaps.argmax(), overlaps.shape)
        pairs.append((int(i), int(j)))
        overlaps[i, :] = overlaps[:, j] = 0
    return pairs
