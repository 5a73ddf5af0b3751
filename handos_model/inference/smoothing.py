"""One-Euro smoothing of a hand's points: still hands come out calm, fast ones with little delay.

Casiez, Roussel, Vogel: 1 Euro Filter (CHI 2012). A low-pass of first order whose cutoff frequency grows with speed. All
points of a hand share one cutoff per axis, so that joints which are linear in the vertices stay so: the axis along the
view, which is noisier, is smoothed by itself.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SPEED_CUTOFF: Final = 1.0
"""Hz: the speeds are smoothed with this fixed cutoff, as in the paper."""


@dataclass(frozen=True)
class Smoothing:
    """How strongly to smooth.

    The output lags 1 / (2 pi (min_cutoff + speed_gain v)) seconds behind a hand that moves at a steady v m/s.
    """

    min_cutoff: float = 1.0
    """Hz, cutoff of a hand that keeps still; lower: calmer."""
    speed_gain: float = 20.0
    """Hz per m/s by which the cutoff grows with speed; higher: less delay."""

    def __post_init__(self) -> None:
        if self.min_cutoff <= 0 or self.speed_gain < 0:
            raise ValueError(
                f"smoothing needs min_cutoff > 0 and speed_gain >= 0, got {self.min_cutoff} and {self.speed_gain}"
            )


class PointSmoother:
    """Smooths one hand's points over time."""

    def __init__(self) -> None:
        self._points: Floats | None = None
        self._measured: Floats = np.zeros(0)
        self._velocities: Floats = np.zeros(0)

    def smooth(self, points: npt.ArrayLike, seconds: float, smoothing: Smoothing, metres_per_unit: float) -> Floats:
        """Take in the next points and return them smoothed.

        Parameters
        ----------
        points
            (N, D), in any unit.
        seconds
            Since the last call, > 0.
        smoothing
            How strongly; may change from call to call.
        metres_per_unit
            Size of the unit at the hand, so that the same settings fit pixels and metres.
        """
        measured = np.asarray(points, np.float64)
        if self._points is None or self._points.shape != measured.shape:
            self._points, self._measured, self._velocities = measured, measured, np.zeros_like(measured)
            return measured
        change = (measured - self._measured) / seconds
        self._measured = measured
        self._velocities += _share(SPEED_CUTOFF, seconds) * (change - self._velocities)
        speeds = np.sqrt(np.einsum("nd,nd->d", self._velocities, self._velocities) / len(measured)) * metres_per_unit
        shares = _share(smoothing.min_cutoff + smoothing.speed_gain * speeds, seconds)
        self._points = self._points + shares * (measured - self._points)
        return self._points


def _share(cutoff: npt.ArrayLike, seconds: float) -> Floats:
    """How much of the new value a low-pass of first order takes in after `seconds`."""
    rate = np.multiply(cutoff, 2 * np.pi * seconds)
    return np.asarray(rate / (rate + 1))
