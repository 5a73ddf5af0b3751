"""One-Euro smoothing of a hand's points: little jitter for still hands, little lag for fast ones.

Casiez, Roussel, Vogel: 1 Euro Filter (CHI 2012). A first-order low-pass filter whose cutoff frequency grows with speed.
All points of a hand share one cutoff per axis, so joints that are linear in the vertices remain so, and z, which is
noisier, is smoothed independently of x and y.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array

SPEED_CUTOFF: Final = 1.0
"""Hz, fixed cutoff of the filter for the speed, as in the paper."""


@dataclass(frozen=True)
class Smoothing:
    """Parameters of the One-Euro filter.

    The output lags 1 / (2 pi (min_cutoff + speed_gain v)) seconds behind a hand that moves at a constant v m/s.
    """

    min_cutoff: float = 1.0
    """Hz, cutoff for a still hand; lower: less jitter."""
    speed_gain: float = 20.0
    """Hz per m/s by which the cutoff grows with speed; higher: less lag."""

    def __post_init__(self) -> None:
        if self.min_cutoff <= 0 or self.speed_gain < 0:
            raise ValueError(
                f"smoothing needs min_cutoff > 0 and speed_gain >= 0, got {self.min_cutoff} and {self.speed_gain}"
            )


class PointSmoother:
    """One-Euro filter for the points of one hand."""

    def __init__(self) -> None:
        self._points: Float64Array | None = None
        self._measured: Float64Array = np.zeros(0)
        self._velocities: Float64Array = np.zeros(0)

    def smooth(
        self, points: npt.ArrayLike, seconds: float, smoothing: Smoothing, metres_per_unit: float
    ) -> Float64Array:
        """Filter the next points.

        Parameters
        ----------
        points
            (N, D), in any unit.
        seconds
            Since the last call, > 0.
        smoothing
            Filter parameters; may change from call to call.
        metres_per_unit
            Size of the unit at the hand, so that the same parameters fit pixels and metres.
        """
        measured = np.asarray(points, np.float64)
        if self._points is None or self._points.shape != measured.shape:
            self._points, self._measured, self._velocities = measured, measured, np.zeros_like(measured)
            return measured
        velocities = (measured - self._measured) / seconds
        self._measured = measured
        self._velocities += _smoothing_factor(SPEED_CUTOFF, seconds) * (velocities - self._velocities)
        speeds = np.sqrt(np.einsum("nd,nd->d", self._velocities, self._velocities) / len(measured)) * metres_per_unit
        factors = _smoothing_factor(smoothing.min_cutoff + smoothing.speed_gain * speeds, seconds)
        self._points = self._points + factors * (measured - self._points)
        return self._points


def _smoothing_factor(cutoff: npt.ArrayLike, seconds: float) -> Float64Array:
    """Weight of the new value in a first-order low-pass filter sampled every `seconds`."""
    rate = np.multiply(cutoff, 2 * np.pi * seconds)
    return np.asarray(rate / (rate + 1))
