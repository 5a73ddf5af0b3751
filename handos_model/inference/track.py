"""`Track`: one hand over time, predicted, updated, smoothed, and extrapolated where it is lost."""

import math
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import JOINT_COUNT, ROOT_JOINT
from handos_model.inference.handedness_evidence import HandednessEvidence
from handos_model.inference.smoothing import PointSmoother, Smoothing

HAND_LENGTH: Final = 0.18
"""Assumed length in metres of the longest side of a hand's box, to convert speeds from pixels."""
SIZE_COST: Final = 0.5
"""Cost of a box that is e times longer or shorter."""
HANDEDNESS_COST: Final = 0.3
"""Cost of a hand of the other side, when both sides are certain: the network mistakes sides where hands overlap."""
VELOCITY_TIME: Final = 0.048
"""Seconds in which the tracked velocity adapts to the newest one: half of it from one image to the next at 30 Hz."""
VELOCITY_DECAY: Final = 0.2
"""Seconds in which the velocity of a lost hand falls to 1/e. It falls because hands often turn back."""
MIN_INTERVAL: Final = 1e-3
"""Minimum seconds between two images for the smoothing, even if their stamps are equal."""
MIN_HITS: Final = 3
"""Number of images with the hand before it counts: false positives are rarely seen as often, and never coast."""
MAX_PAIR_DISTANCE: Final = 1.5
"""Distance of two hands in hand lengths up to which they are taken for the two hands of one person."""
MAX_PAIR_SIZE_RATIO: Final = 1.6
"""Ratio of their sizes up to which they are."""


class Moment(NamedTuple):
    """Time of an image."""

    seconds: float
    """When it was taken."""
    received: float
    """When it was received."""


@dataclass(frozen=True)
class Detection:
    """A hand of one image with the features used for matching."""

    hand: Hand
    x: float
    """Pixels of the joints' mean, which is steadier than the centre of the box."""
    y: float
    length: float
    """Longest side of the box in pixels."""

    @classmethod
    def from_hand(cls, hand: Hand) -> "Detection":
        x, y = (hand.joints_2d.sum(axis=0) / JOINT_COUNT).tolist()
        left, top, right, bottom = hand.box.tolist()
        return cls(hand, x, y, max(right - left, bottom - top, 1.0))


class Track:
    """State of one tracked hand."""

    def __init__(self, detection: Detection, track_id: int, now: Moment, smoothing: Smoothing | None) -> None:
        self._seen = now
        self._hits = 1
        self._last = detection
        self._velocity: Float64Array = np.zeros(2)
        self._root_velocity: Float64Array = np.zeros(3)
        self._handedness = HandednessEvidence(detection.hand)
        self._smoother_2d, self._smoother_3d = PointSmoother(), PointSmoother()
        smoothed = self._smooth(detection.hand, MIN_INTERVAL, smoothing)
        self.hand = replace(detection.hand, id=track_id, tentative=True, **smoothed)

    def unseen_for(self, now: Moment) -> float:
        """Seconds of reception since the track's last detection."""
        return now.received - self._seen.received

    def matching_cost(self, detection: Detection, now: Moment) -> float:
        """Cost of matching a detection to this track."""
        last, seconds = self._last, _decayed_time(now.seconds - self._seen.seconds)
        x, y = last.x + float(self._velocity[0]) * seconds, last.y + float(self._velocity[1]) * seconds
        distance = math.hypot(detection.x - x, detection.y - y) / max(detection.length, last.length)
        size_change = abs(math.log(detection.length / last.length))
        return distance + SIZE_COST * size_change + HANDEDNESS_COST * self._handedness.contradicts(detection.hand)

    def update(self, detection: Detection, now: Moment, smoothing: Smoothing | None) -> None:
        """Continue the track with a matched detection."""
        hand, seconds = detection.hand, max(now.seconds - self._seen.seconds, MIN_INTERVAL)
        self._handedness.add_image(hand)
        side, score = self._handedness.side, self._handedness.score
        self._update_velocity(detection, seconds)
        hand = hand if hand.handedness == side else _keep_shape(self.hand, hand)
        self._seen, self._hits = now, self._hits + 1
        self.hand = replace(
            hand,
            id=self.hand.id,
            handedness=side,
            handedness_score=score,
            tentative=self._hits < MIN_HITS,
            **self._smooth(hand, seconds, smoothing),
        )

    def judge_handedness_with(self, other: "Track") -> None:
        """Let two overlapping hands tell each other their sides, from the next image on."""
        length, other_length = self._last.length, other._last.length
        distance = math.hypot(self._last.x - other._last.x, self._last.y - other._last.y)
        if distance > MAX_PAIR_DISTANCE * min(length, other_length):
            return
        if max(length, other_length) <= MAX_PAIR_SIZE_RATIO * min(length, other_length):
            self._handedness.add_neighbour(other._handedness)
            other._handedness.add_neighbour(self._handedness)

    def may_coast(self, now: Moment, coast_time: float) -> bool:
        """Whether the track, which has no detection now, is kept."""
        return self._hits >= MIN_HITS and self.unseen_for(now) <= coast_time and coast_time > 0

    def extrapolate(self, now: Moment, coast_time: float) -> Hand:
        """The hand at its predicted position; its score decreases to 0 over `coast_time`."""
        seconds = now.seconds - self._seen.seconds
        step = (self._velocity * _decayed_time(seconds)).astype(np.float32)
        step_3d = (self._root_velocity * _decayed_time(seconds)).astype(np.float32)
        hand = self.hand
        return replace(
            hand,
            coasting=True,
            score=hand.score * (1 - self.unseen_for(now) / coast_time),
            box=hand.box + np.tile(step, 2),
            joints_2d=hand.joints_2d + step,
            metric=hand.metric and hand.metric.translated(step_3d),
        )

    def _update_velocity(self, detection: Detection, seconds: float) -> None:
        previous, self._last = self._last, detection
        gain = 1 - math.exp(-seconds / VELOCITY_TIME)
        step = np.array([detection.x - previous.x, detection.y - previous.y])
        self._velocity += gain * (step / seconds - self._velocity)
        root, previous_root = _root_position(detection.hand), _root_position(previous.hand)
        if root is not None and previous_root is not None:
            self._root_velocity += gain * ((root - previous_root) / seconds - self._root_velocity)

    def _smooth(self, hand: Hand, seconds: float, smoothing: Smoothing | None) -> dict[str, Any]:
        """The fields of a hand that smoothing changes; without smoothing the filters are reset."""
        if smoothing is None:
            self._smoother_2d, self._smoother_3d = PointSmoother(), PointSmoother()
            return {}
        metres_per_pixel = HAND_LENGTH / self._last.length
        points = np.concatenate([hand.joints_2d, hand.box.reshape(2, 2)])
        points = self._smoother_2d.smooth(points, seconds, smoothing, metres_per_pixel).astype(np.float32)
        smoothed = {"joints_2d": points[:JOINT_COUNT], "box": points[JOINT_COUNT:].reshape(4)}
        if hand.metric is None:
            return smoothed
        points = np.concatenate([hand.metric.joints_3d, hand.metric.vertices])
        points = self._smoother_3d.smooth(points, seconds, smoothing, metres_per_unit=1.0).astype(np.float32)
        metric = replace(hand.metric, joints_3d=points[:JOINT_COUNT], vertices=points[JOINT_COUNT:])
        return {**smoothed, "metric": metric}


def _root_position(hand: Hand) -> Float64Array | None:
    return None if hand.metric is None else hand.metric.joints_3d[ROOT_JOINT].astype(np.float64)


def _decayed_time(seconds: float) -> float:
    """Seconds at constant velocity that cover the same distance as `seconds` at exponentially decaying velocity."""
    return VELOCITY_DECAY * (1 - math.exp(-max(seconds, 0.0) / VELOCITY_DECAY))


def _keep_shape(previous: Hand, hand: Hand) -> Hand:
    """Return `hand` with the 3D shape of `previous` at its own position.

    For images whose handedness contradicts the track: the network then predicts the other hand's mesh, which the faces
    of this side would turn inside out. Mirroring it would not help, because another finger is mistaken for the thumb.
    """
    if previous.metric is None or hand.metric is None:
        return hand
    moved = previous.metric.translated(hand.metric.joints_3d[ROOT_JOINT] - previous.metric.joints_3d[ROOT_JOINT])
    return replace(hand, metric=replace(hand.metric, joints_3d=moved.joints_3d, vertices=moved.vertices))
