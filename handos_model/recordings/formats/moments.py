"""`Moments`: minimum, maximum, mean and standard deviation of a stream of vectors."""

from typing import Any

import numpy as np
import numpy.typing as npt


class Moments:
    """Statistics of all vectors added so far, without keeping them."""

    def __init__(self) -> None:
        self.count = 0
        self._least: Any = np.inf
        self._largest: Any = -np.inf
        self._mean: Any = 0.0
        self._squares: Any = 0.0
        """Sums of the squared distances to the mean."""

    def add(self, vectors: npt.ArrayLike) -> None:
        """Add (N, D) vectors."""
        values = np.asarray(vectors, np.float64)
        if len(values):
            mean = values.mean(axis=0)
            self._combine(len(values), values.min(axis=0), values.max(axis=0), mean, ((values - mean) ** 2).sum(axis=0))

    def merge(self, other: "Moments") -> None:
        """Add all vectors that were added to another."""
        if other.count:
            self._combine(other.count, other._least, other._largest, other._mean, other._squares)

    def _combine(self, count: int, least: Any, largest: Any, mean: Any, squares: Any) -> None:
        """Chan, Golub and LeVeque's update of a mean and a sum of squares."""
        total, shift = self.count + count, mean - self._mean
        self._squares = self._squares + squares + shift**2 * self.count * count / total
        self._mean = self._mean + shift * count / total
        self._least, self._largest = np.minimum(self._least, least), np.maximum(self._largest, largest)
        self.count = total

    def summary(self) -> dict[str, list[float]]:
        """`min`, `max`, `mean` and `std` (D,), and `count` (1,)."""
        deviation = np.sqrt(self._squares / max(self.count, 1))
        named = {"min": self._least, "max": self._largest, "mean": self._mean, "std": deviation}
        return {name: np.atleast_1d(values).tolist() for name, values in named.items()} | {"count": [self.count]}
