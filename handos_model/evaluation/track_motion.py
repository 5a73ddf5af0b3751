"""How published joints move compared with true ones: jitter of still hands, lag of moving ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.evaluation.track_matching import MatchedFrame
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import JOINT_COUNT

STILL: Final = 0.02
"""A hand is still while no joint moves farther from its mean position, in hand sizes."""
MOVING: Final = 1.0
"""Minimum speed of a moving hand, hand sizes per second."""
LAGS: Final = np.arange(-0.05, 0.2005, 0.001)
"""Seconds that are tried."""
MIN_MOVING_SECONDS: Final = 0.5
"""Below this a lag says nothing."""


@dataclass(frozen=True)
class HandMotion:
    """One true hand and what was published for it, image by image; NaN where there is nothing."""

    true_2d: Float64Array
    """(T, 21, 2) pixels."""
    true_3d: Float64Array
    """(T, 21, 3) metres."""
    published_2d: Float64Array
    published_3d: Float64Array

    @property
    def size(self) -> float:
        """Pixels, median of the longest side of the joints' bounds; NaN if the hand is never there."""
        sides = np.ptp(self.true_2d, axis=1).max(axis=1)
        return float(np.nanmedian(sides)) if np.isfinite(sides).any() else float("nan")


def motions(frames: Sequence[MatchedFrame]) -> list[HandMotion]:
    """The motion of every true hand of a sequence."""
    identities = sorted({hand.identity for frame in frames for hand in frame.truth})
    return [_motion(frames, identity) for identity in identities]


def jitters(motion: HandMotion, frame_rate: float) -> list[tuple[float, float]]:
    """For every second of a still hand: fraction of its size, and metres.

    Standard deviation over the second of the error of a joint along an axis, root mean square over joints and axes.
    Metres are NaN without intrinsics.
    """
    length, values = round(frame_rate), []
    for start in range(0, len(motion.true_2d) - length + 1, length):
        window = slice(start, start + length)
        if _is_still(motion, window):
            pixels = _deviation(motion.published_2d[window] - motion.true_2d[window])
            metres = _deviation(motion.published_3d[window] - motion.true_3d[window])
            values.append((pixels / motion.size, metres))
    return values


def lag(motion: HandMotion, frame_rate: float) -> float | None:
    """Seconds by which the published hand follows the true one while it moves; ``None`` if it hardly moves.

    The shift in time with the smallest squared distance between the centres of the joints, apart from a constant
    distance.
    """
    times = np.arange(len(motion.true_2d)) / frame_rate
    true, published = motion.true_2d.mean(axis=1), motion.published_2d.mean(axis=1)
    shifted = np.stack([_at(times - shift, times, true) for shift in LAGS])
    speed = np.linalg.norm(np.gradient(true, 1 / frame_rate, axis=0), axis=1) if len(true) > 1 else np.zeros(len(true))
    usable = np.isfinite(shifted).all(axis=(0, 2)) & np.isfinite(published).all(axis=1)
    usable &= np.nan_to_num(speed) >= MOVING * motion.size
    if usable.sum() < MIN_MOVING_SECONDS * frame_rate:
        return None
    errors = published[usable] - shifted[:, usable]
    errors -= errors.mean(axis=1, keepdims=True)
    return float(LAGS[(errors**2).sum(axis=(1, 2)).argmin()])


def _motion(frames: Sequence[MatchedFrame], identity: int) -> HandMotion:
    joints = {dimensions: np.full((2, len(frames), JOINT_COUNT, dimensions), np.nan) for dimensions in (2, 3)}
    for number, frame in enumerate(frames):
        for hand in frame.truth:
            if hand.identity == identity:
                joints[2][0, number] = hand.annotation.joints_2d
                if hand.annotation.joints_3d is not None:
                    joints[3][0, number] = hand.annotation.joints_3d
        for hand, published in frame.pairs:
            if hand.identity == identity:
                joints[2][1, number] = published.joints_2d
                if published.joints_3d is not None:
                    joints[3][1, number] = published.joints_3d
    return HandMotion(joints[2][0], joints[3][0], joints[2][1], joints[3][1])


def _is_still(motion: HandMotion, window: slice) -> bool:
    true = motion.true_2d[window]
    if not (np.isfinite(true).all() and np.isfinite(motion.published_2d[window]).all()):
        return False
    return bool(np.linalg.norm(true - true.mean(axis=0), axis=-1).max() < STILL * motion.size)


def _deviation(errors: Float64Array) -> float:
    return float(np.sqrt((errors.std(axis=0) ** 2).mean()))


def _at(sought: Float64Array, times: Float64Array, points: Float64Array) -> Float64Array:
    """(T, 2) points interpolated at other times; NaN next to missing ones and beyond the ends."""
    return np.stack([np.interp(sought, times, points[:, axis], np.nan, np.nan) for axis in range(2)], axis=1)
