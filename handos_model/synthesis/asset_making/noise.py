"""Smooth random functions of a point: they have no seams where a texture has some."""

import numpy as np
from scipy.ndimage import map_coordinates

from handos_model.geometry.arrays import FloatArray

_CELLS = 32
"""The noise repeats after as many cells."""


class Noise:
    """A random function of points, of about unit standard deviation and mean 0."""

    def __init__(self, rng: np.random.Generator) -> None:
        lattice = rng.normal(0, 1, (_CELLS,) * 3).astype(np.float32)
        # Interpolation smooths: this restores the deviation.
        self._lattice = lattice * np.float32(1.56)
        self._offset = rng.uniform(0, _CELLS, 3).astype(np.float32)

    def __call__(self, points: FloatArray, cell: float | tuple[float, float, float]) -> FloatArray:
        """(N,) values at points (N, 3) for the size of the cells, in metres, in all directions or in each."""
        at = points / np.asarray(cell, np.float32) + self._offset
        corner = np.floor(at)
        within = at - corner
        # Linear interpolation, but without kinks at the borders of the cells.
        at = corner + within * within * (3 - 2 * within)
        return np.asarray(map_coordinates(self._lattice, at.T, order=1, mode="grid-wrap"), np.float32)

    def octaves(self, points: FloatArray, cell: float, count: int) -> FloatArray:
        """The sum of `count` octaves, each half as strong and with cells half as large as the one before."""
        return np.asarray(sum(self(points, cell / 2**k) / 2**k for k in range(count)), np.float32)


def ramp(low: float, high: float, values: FloatArray) -> FloatArray:
    """0 at `low`, 1 at `high`, smooth in between."""
    t = ((values - low) / (high - low)).clip(0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def bump(values: FloatArray, width: float) -> FloatArray:
    """1 at 0, falling to nothing over a few widths."""
    return np.asarray(np.exp(-np.square(values / width)), np.float32)
