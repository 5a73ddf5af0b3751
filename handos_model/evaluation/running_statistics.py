"""Running statistics over the hands of a data set: means, PCK curve, AUC, worst cases; memory does not grow."""

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappush, heapreplace
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array

PCK_THRESHOLDS: Final = np.linspace(0.0, 0.05, 100)
"""Metres: where FreiHAND, HO3D and DexYCB sample the PCK curve."""
WORST_COUNT: Final = 12
"""Number of images kept as worst cases."""


@dataclass(frozen=True)
class PckCurve:
    """PCK over the threshold: fraction of keypoints whose error is at most the threshold."""

    thresholds: Float64Array
    """(T,)"""
    fractions: Float64Array
    """(T,) 0..1."""

    @property
    def area(self) -> float:
        """AUC: area under the curve by the trapezoidal rule, relative to that of a perfect curve."""
        widths = np.diff(self.thresholds)
        return float((widths * (self.fractions[1:] + self.fractions[:-1]) / 2).sum() / widths.sum())

    def scaled(self, factor: float) -> "PckCurve":
        """Return the curve with thresholds in another unit."""
        return PckCurve(self.thresholds * factor, self.fractions)


class KeypointStatistics:
    """Mean error and PCK curve of K keypoints; averaged over hands first, then over keypoints, as the papers do."""

    def __init__(self, keypoints: int, thresholds: Float64Array = PCK_THRESHOLDS) -> None:
        self._hands = 0
        self._thresholds = thresholds
        self._sums = np.zeros(keypoints)
        self._within = np.zeros((len(thresholds), keypoints), np.int64)

    def add(self, errors: Float64Array) -> None:
        """Add the errors (K,) of one hand, in the unit of the thresholds."""
        self._hands += 1
        self._sums += errors
        self._within += errors <= self._thresholds[:, None]

    @property
    def mean(self) -> float:
        """Mean error."""
        return float((self._sums / self._hands).mean())

    @property
    def curve(self) -> PckCurve:
        """PCK curve."""
        return PckCurve(self._thresholds, (self._within / self._hands).mean(axis=1))


class RunningMeans:
    """Running means by name."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, int] = defaultdict(int)

    def add(self, name: str, value: float) -> None:
        """Add one value."""
        self._sums[name] += value
        self._counts[name] += 1

    def values(self) -> dict[str, float]:
        """The means, in the order in which their names were first added."""
        return {name: total / self._counts[name] for name, total in self._sums.items()}


class WorstCases:
    """The images with the largest errors."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []

    def add(self, error: float, index: int) -> None:
        """Add one image."""
        if len(self._heap) < WORST_COUNT:
            heappush(self._heap, (error, index))
        elif error > self._heap[0][0]:
            heapreplace(self._heap, (error, index))

    def sorted(self) -> tuple[tuple[float, int], ...]:
        """(error, image index), largest error first."""
        return tuple(sorted(self._heap, reverse=True))
