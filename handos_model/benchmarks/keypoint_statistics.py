"""Mean error, PCK curve and AUC over many hands, in memory that does not grow with their number."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

THRESHOLDS: Final = np.linspace(0.0, 0.05, 100)
"""Metres: where FreiHAND, HO3D and DexYCB sample the PCK curve."""


@dataclass(frozen=True)
class Curve:
    """PCK: share of keypoints whose error is at most a threshold."""

    thresholds: npt.NDArray[np.float64]
    """(T,)"""
    shares: npt.NDArray[np.float64]
    """(T,) 0..1."""

    @property
    def area(self) -> float:
        """AUC: area under the curve by the trapezoidal rule, relative to that of a perfect one."""
        widths = np.diff(self.thresholds)
        return float((widths * (self.shares[1:] + self.shares[:-1]) / 2).sum() / widths.sum())

    def scaled(self, factor: float) -> "Curve":
        """The same with thresholds in another unit."""
        return Curve(self.thresholds * factor, self.shares)


class KeypointStatistics:
    """Errors of K keypoints; every mean is over the hands first and over the keypoints then, as the benchmarks do."""

    def __init__(self, keypoints: int, thresholds: npt.NDArray[np.float64] = THRESHOLDS) -> None:
        self._hands = 0
        self._thresholds = thresholds
        self._sums = np.zeros(keypoints)
        self._within = np.zeros((len(thresholds), keypoints), np.int64)

    def add(self, errors: npt.NDArray[np.float64]) -> None:
        """Take in the errors (K,) of one hand, in the unit of the thresholds."""
        self._hands += 1
        self._sums += errors
        self._within += errors <= self._thresholds[:, None]

    @property
    def mean(self) -> float:
        """Mean error."""
        return float((self._sums / self._hands).mean())

    @property
    def curve(self) -> Curve:
        """PCK over the error."""
        return Curve(self._thresholds, (self._within / self._hands).mean(axis=1))
