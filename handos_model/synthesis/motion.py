"""Smooth motion: curves through key values, a slow drift, hand poses that blend into each other."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from handos_model.geometry.arrays import Float64Array
from handos_model.synthesis.posing import HandAngles, HandPoser, sample_angles

Curve = Callable[[float], Float64Array]
"""A vector at a time in seconds."""

POSE_PERIOD: Final = (0.7, 1.6)
"""Seconds from one hand pose to the next."""
DRIFT_FREQUENCIES: Final = (0.3, 0.55, 0.9)
"""Hz, of a hand that is held up."""


def constant(value: npt.ArrayLike) -> Curve:
    """A curve that stays."""
    fixed = np.asarray(value, np.float64)
    return lambda _seconds: fixed


def through(times: Sequence[float], values: npt.ArrayLike) -> Curve:
    """The curve through values (K, n) at increasing times (K,); before and after them it stays.

    Piecewise cubic without overshoot (Fritsch, Butland 1984): between two equal values it rests.
    """
    spline = PchipInterpolator(times, np.asarray(values, np.float64))
    first, last = times[0], times[-1]
    return lambda seconds: np.asarray(spline(min(max(seconds, first), last)))


def drift(rng: np.random.Generator, metres: float) -> Curve:
    """A slow random movement (3,) of about this amplitude."""
    phases = rng.uniform(0, 2 * np.pi, (len(DRIFT_FREQUENCIES), 3))
    weights = rng.normal(0, metres / len(DRIFT_FREQUENCIES) ** 0.5, (len(DRIFT_FREQUENCIES), 3))
    rates = 2 * np.pi * np.array(DRIFT_FREQUENCIES)[:, None]
    return lambda seconds: np.asarray((weights * np.sin(rates * seconds + phases)).sum(axis=0))


def added(first: Curve, second: Curve) -> Curve:
    """The sum of two curves."""
    return lambda seconds: first(seconds) + second(seconds)


def changing_pose(rng: np.random.Generator, poser: HandPoser, seconds: float) -> Curve:
    """Joint angles (24,) that go from random pose to random pose."""
    times = [0.0]
    while times[-1] < seconds:
        times.append(times[-1] + rng.uniform(*POSE_PERIOD))
    return through(times, [angles_vector(poser.separated(_calm_angles(rng))) for _ in times])


def held_pose(rng: np.random.Generator, poser: HandPoser) -> Curve:
    """Joint angles (24,) of one random pose."""
    return constant(angles_vector(poser.separated(_calm_angles(rng))))


def angles_vector(angles: HandAngles) -> Float64Array:
    """(24,) degrees; the inverse of `hand_angles`."""
    return np.concatenate([angles.fingers.reshape(-1), angles.thumb, angles.wrist]).astype(np.float64)


def hand_angles(vector: Float64Array) -> HandAngles:
    """The pose with these 24 angles."""
    return HandAngles(vector[:16].reshape(4, 4), vector[16:21], vector[21:])


def _calm_angles(rng: np.random.Generator) -> HandAngles:
    """A random pose with a wrist that bends half as far as in single images, as wrists of moving arms do."""
    angles = sample_angles(rng)
    return HandAngles(angles.fingers, angles.thumb, 0.5 * angles.wrist)
