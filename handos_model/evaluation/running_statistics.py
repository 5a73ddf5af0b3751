"""Running statistics over the hands of a data set: means, PCK curve, AUC, worst cases; memory does not grow."""

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappush, heapreplace
from typing import Final

import numpy as np
import numpy.typing as npt

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
    """Mean error and PCK curve of K keypoints; averaged over hands first, then over keypoints, as the papers do.

    Keypoints that were never counted have no average and are left out.
    """

    def __init__(self, keypoints: int, thresholds: Float64Array = PCK_THRESHOLDS) -> None:
        self._thresholds = thresholds
        self._counts = np.zeros(keypoints, np.int64)
        self._sums = np.zeros(keypoints)
        self._within = np.zeros((len(thresholds), keypoints), np.int64)

    def add(self, errors: Float64Array, counted: npt.NDArray[np.bool_] | None = None) -> None:
        """Add the errors of one hand.

        Parameters
        ----------
        errors
            (K,) in the unit of the thresholds; an infinite one is beyond every threshold, and there is no mean then.
        counted
            (K,) which keypoints count; all by default.
        """
        counts = np.ones(len(errors), bool) if counted is None else counted
        if np.isnan(errors[counts]).any():
            raise ValueError(f"the errors of keypoints {np.flatnonzero(counts & np.isnan(errors)).tolist()} are NaN")
        self._counts += counts
        self._sums[counts] += errors[counts]
        self._within[:, counts] += errors[counts] <= self._thresholds[:, None]

    @property
    def is_empty(self) -> bool:
        """Whether no keypoint was counted: there is neither mean nor curve."""
        return not self._counts.any()

    @property
    def mean(self) -> float:
        """Mean error."""
        return float(self._mean_over_hands(self._sums).mean())

    @property
    def curve(self) -> PckCurve:
        """PCK curve."""
        return PckCurve(self._thresholds, self._mean_over_hands(self._within).mean(axis=1))

    def _mean_over_hands(self, totals: npt.NDArray[np.number]) -> Float64Array:
        """Totals (..., K) as means (..., K') of the keypoints that were counted."""
        if self.is_empty:
            raise ValueError("no keypoint was counted, so there is no mean")
        known = self._counts > 0
        return np.asarray(totals[..., known] / self._counts[known], np.float64)


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
