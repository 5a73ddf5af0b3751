"""Matching of predicted and annotated hands: intersection over union of boxes, greedy assignment."""

from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array

MIN_IOU: Final[float] = 0.5
"""Minimum intersection over union of two boxes of the same hand."""


def pairwise_iou(first: npt.ArrayLike, second: npt.ArrayLike) -> Float64Array:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4), x0, y0, x1, y1."""
    a = np.asarray(first, np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, np.float64).reshape(1, -1, 4)
    for boxes in (a, b):
        if not np.isfinite(boxes).all():
            raise ValueError(f"boxes must be finite, got {boxes.reshape(-1, 4).tolist()}")
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    intersection = np.maximum(sides, 0).prod(axis=-1)
    union = (a[..., 2:] - a[..., :2]).prod(axis=-1) + (b[..., 2:] - b[..., :2]).prod(axis=-1) - intersection
    return np.asarray(intersection / np.maximum(union, 1e-12))


def match_boxes(predicted: npt.ArrayLike, target: npt.ArrayLike) -> list[tuple[int, int]]:
    """Pairs (index in `predicted`, index in `target`) with at least `MIN_IOU`, largest overlap first."""
    overlaps = pairwise_iou(predicted, target)
    pairs = []
    while overlaps.size and overlaps.max() >= MIN_IOU:
        i, j = np.unravel_index(overlaps.argmax(), overlaps.shape)
        pairs.append((int(i), int(j)))
        overlaps[i, :] = overlaps[:, j] = 0
    return pairs
