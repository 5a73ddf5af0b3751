"""What depth images tell about the size of an operator's hands.

A hand that is farther away than estimated is larger than assumed, by the same factor, because it fills the same pixels.
Single images are off by 5 to 9 %, mostly for as long as pose and view stay the same: the median over images is robust,
but only moving the hands makes it more accurate than `POSE_SIGMA`.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from handos_model.hand.hand import Hand, Handedness
from handos_model.hand.skeleton import ROOT_JOINT

MIN_SCORE: Final = 0.7
"""Of a hand that is measured: the distance of weaker ones is less accurate."""
MIN_MEASUREMENTS: Final = 30
"""For an estimate."""
POSE_SIGMA: Final = 0.05
"""Relative error of the size that remains after a few seconds, however many images there were: mean error on rendered
sequences of three seconds (`benchmarks/operator_hand_size.py`)."""
_MEDIAN_SIGMA: Final = 1.2533
"""Standard deviation of a median relative to that of a mean."""
_SIGMA_PER_MAD: Final = 1.4826
"""Standard deviation of a normal distribution relative to its median absolute deviation."""


class SizeFactor(NamedTuple):
    """How much larger hands are than the network assumes."""

    factor: float
    sigma: float
    """Standard deviation of `factor`."""
    measurements: int


class DepthEvidence:
    """Collects factors from hands whose distance was measured.

    Parameters
    ----------
    window
        Seconds for which a measurement counts; ``inf``: for ever.
    """

    def __init__(self, window: float = math.inf) -> None:
        self._window = window
        self._measurements: deque[tuple[float, float]] = deque()
        """Seconds and logarithm of the factor."""

    def add(self, factors: Sequence[float], seconds: float) -> None:
        """Add the factors of the hands of an image that was taken at this time."""
        self._measurements.extend((seconds, math.log(factor)) for factor in factors)
        while self._measurements and self._measurements[0][0] < seconds - self._window:
            self._measurements.popleft()

    @property
    def count(self) -> int:
        """Number of measurements."""
        return len(self._measurements)

    @property
    def duration(self) -> float:
        """Seconds from the first measurement to the last."""
        return self._measurements[-1][0] - self._measurements[0][0] if self._measurements else 0.0

    def estimate(self) -> SizeFactor | None:
        """Median factor; ``None`` with fewer than `MIN_MEASUREMENTS`."""
        if self.count < MIN_MEASUREMENTS:
            return None
        logarithms = np.array([logarithm for _, logarithm in self._measurements])
        median = float(np.median(logarithms))
        spread = _SIGMA_PER_MAD * float(np.median(np.abs(logarithms - median)))
        sigma = math.hypot(_MEDIAN_SIGMA * spread / math.sqrt(self.count), POSE_SIGMA)
        return SizeFactor(math.exp(median), math.exp(median) * sigma, self.count)


def size_factors(hands: Sequence[Hand], image_shape: tuple[int, ...], scale: float) -> list[float]:
    """Factors by which the hands of an image are larger than the network assumes, as far as depth measured them.

    At most one left and one right hand, the best of each: those of one person. Hands that are cut off or have a low
    score do not count.

    Parameters
    ----------
    hands
        Hands of the pipeline after `align_to_depth`, best first.
    image_shape
        Height, width, ... in pixels.
    scale
        By which they were scaled before.
    """
    factors: dict[Handedness, float] = {}
    for hand in hands:
        factor = _relative_distance(hand)
        if factor is not None and hand.score >= MIN_SCORE and _is_inside(hand, image_shape):
            factors.setdefault(hand.handedness, scale * factor)
    return list(factors.values())


def _relative_distance(hand: Hand) -> float | None:
    """Measured distance divided by the estimated one."""
    if hand.metric is None or hand.metric.depth_residual is None:
        return None
    measured = float(hand.metric.joints_3d[ROOT_JOINT, 2])
    estimated = measured - hand.metric.depth_residual
    # Not <=: NaN.
    return measured / estimated if measured > 0 and estimated > 0 else None


def _is_inside(hand: Hand, image_shape: tuple[int, ...]) -> bool:
    height, width = image_shape[:2]
    low, high = hand.joints_2d.min(axis=0), hand.joints_2d.max(axis=0)
    return bool(low.min() >= 0 and high[0] <= width - 1 and high[1] <= height - 1)
