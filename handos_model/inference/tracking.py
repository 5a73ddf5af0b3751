"""Hands over time: stable ids, sides decided over many images, smoothing, and a short memory for hands out of sight.

Every track is predicted at constant velocity into the next image and continued by the hand that fits it best in place,
size and side. Pairs are chosen cheapest first. For the few hands before a camera this gives the pairs of the optimal
assignment in all but contrived cases (a test compares the two), without another dependency.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from handos_model.hand.hand import FloatArray, Hand, Handedness
from handos_model.hand.skeleton import JOINT_COUNT, ROOT_JOINT
from handos_model.inference.smoothing import Floats, PointSmoother, Smoothing

HAND_LENGTH: Final = 0.18
"""Metres that the longest side of a hand's box stands for where only speeds in pixels are known."""
GREATEST_COST: Final = 1.5
"""Costs are distances in hand lengths, plus what follows: beyond this two hands are different ones."""
SIZE_COST: Final = 0.5
"""Cost of a box that is e times longer or shorter."""
SIDE_COST: Final = 1.3
"""Cost of a hand of the other side, when both sides are certain."""
VELOCITY_SHARE: Final = 0.5
"""Part of the newest velocity in the tracked one."""
VELOCITY_FADES: Final = 0.2
"""Seconds in which the velocity of a hand out of sight falls to 1/e: hands turn round more often than they fly on."""
SHORTEST_INTERVAL: Final = 1e-3
"""Seconds between two images, even where their stamps are equal."""
SEEN_BEFORE_COASTING: Final = 3
"""Images that a hand must have been seen in before it may outlive being out of sight: false alarms do not."""
MOST_EVIDENCE_OF_ONE: Final = 6.0
"""Bound of one image's log odds of the side, which fall where a single bent finger makes the view ambiguous."""
MOST_EVIDENCE: Final = 100.0
"""Bound of their sum, so that a hand can still change its mind: half a second of certain images at 30 Hz. One finger
bent for a second must not outweigh all that was seen before."""
EVIDENCE_TO_TURN: Final = 2.0
"""Log odds of the other side from which on a hand changes its side."""


@dataclass(frozen=True)
class TrackingSettings:
    """What a user may choose."""

    coast_time: float = 0.3
    """Seconds that a hand out of sight is carried on; 0: it is gone at once."""
    smoothing: Smoothing | None = field(default_factory=Smoothing)
    """``None``: places and shapes as measured."""


class HandTracker:
    """Follows the hands of one camera from image to image."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._next_id = 1
        self._stamp: float | None = None

    def update(self, hands: Sequence[Hand], stamp: float, settings: TrackingSettings) -> tuple[Hand, ...]:
        """Take in the hands of the next image.

        Parameters
        ----------
        hands
            As the pipeline found them.
        stamp
            Time of the image in seconds. When time goes back, as when a recording starts over, all hands are new.
        settings
            May change from call to call.

        Returns
        -------
        tuple of Hand
            The hands seen, with `id` set, in the order given; after them those carried on, with `coasting` set.
        """
        if self._stamp is not None and stamp < self._stamp:
            self._tracks.clear()
        self._stamp = stamp
        sightings = [_Sighting.of(hand) for hand in hands]
        continued = self._pairs(sightings, stamp)
        seen = [self._follow(continued.get(k), sighting, stamp, settings) for k, sighting in enumerate(sightings)]
        coasting = [self._tracks[t] for t in range(len(self._tracks)) if t not in continued.values()]
        coasting = [track for track in coasting if track.may_coast(stamp, settings.coast_time)]
        self._tracks = [*seen, *coasting]
        return (
            *(track.hand for track in seen),
            *(track.carried_on(stamp, settings.coast_time) for track in coasting),
        )

    def _pairs(self, hands: Sequence["_Sighting"], stamp: float) -> dict[int, int]:
        """Index of the track that each hand, by index, continues; hands that continue none are left out."""
        costs = [
            (track.cost_of(hand, stamp), k, t) for k, hand in enumerate(hands) for t, track in enumerate(self._tracks)
        ]
        pairs: dict[int, int] = {}
        for cost, k, t in sorted(costs):
            if cost <= GREATEST_COST and k not in pairs and t not in pairs.values():
                pairs[k] = t
        return pairs

    def _follow(self, known: int | None, hand: "_Sighting", stamp: float, settings: TrackingSettings) -> "_Track":
        if known is not None:
            track = self._tracks[known]
            track.see(hand, stamp, settings.smoothing)
            return track
        self._next_id += 1
        return _Track(hand, self._next_id - 1, stamp, settings.smoothing)


@dataclass(frozen=True)
class _Sighting:
    """A hand as found in one image, and what the tracker compares of it."""

    hand: Hand
    x: float
    """Pixels of the hand's middle: that of its joints moves more steadily than that of its box."""
    y: float
    length: float
    """Longest side of the box in pixels."""
    evidence: float
    """Log odds of a right hand."""

    @classmethod
    def of(cls, hand: Hand) -> "_Sighting":
        x, y = (hand.joints_2d.sum(axis=0) / JOINT_COUNT).tolist()
        left, top, right, bottom = hand.box.tolist()
        return cls(hand, x, y, max(right - left, bottom - top, 1.0), _evidence(hand))


class _Track:
    """One hand's past."""

    def __init__(self, sighting: _Sighting, identity: int, stamp: float, smoothing: Smoothing | None) -> None:
        self.hand = replace(sighting.hand, id=identity)
        self._stamp = stamp
        self._seen = 1
        self._last = sighting
        self._velocity: Floats = np.zeros(2)
        self._root_velocity: Floats = np.zeros(3)
        self._evidence = sighting.evidence
        self._in_image, self._in_space = PointSmoother(), PointSmoother()
        self._smooth(SHORTEST_INTERVAL, smoothing)

    def cost_of(self, sighting: _Sighting, stamp: float) -> float:
        """How badly a hand continues this track."""
        last, hand, ahead = self._last, sighting.hand, _faded(stamp - self._stamp)
        x, y = last.x + float(self._velocity[0]) * ahead, last.y + float(self._velocity[1]) * ahead
        distance = math.hypot(sighting.x - x, sighting.y - y) / max(sighting.length, last.length)
        resizing = abs(math.log(sighting.length / last.length))
        agreement = math.tanh(self._evidence / 2) * _SIGNS[hand.handedness] * (2 * hand.handedness_score - 1)
        return distance + SIZE_COST * resizing + SIDE_COST * max(0.0, -agreement)

    def see(self, sighting: _Sighting, stamp: float, smoothing: Smoothing | None) -> None:
        """The hand was found again."""
        hand, seconds = sighting.hand, stamp - self._stamp
        side = self._decided_side(sighting)
        self._move(sighting, seconds)
        shown = hand if hand.handedness == side else _with_shape_of(self.hand, hand)
        score = 1 / (1 + math.exp(-max(0.0, self._evidence * _SIGNS[side])))
        self.hand = replace(shown, id=self.hand.id, handedness=side, handedness_score=score)
        self._smooth(seconds, smoothing)
        self._stamp, self._seen = stamp, self._seen + 1

    def may_coast(self, stamp: float, coast_time: float) -> bool:
        """Whether the hand, not seen in the image of `stamp`, is carried on."""
        return self._seen >= SEEN_BEFORE_COASTING and stamp - self._stamp <= coast_time and coast_time > 0

    def carried_on(self, stamp: float, coast_time: float) -> Hand:
        """The hand where it should be by now; its score falls to 0 until it is given up."""
        seconds = stamp - self._stamp
        step = (self._velocity * _faded(seconds)).astype(np.float32)
        step_3d = (self._root_velocity * _faded(seconds)).astype(np.float32)
        hand = self.hand
        return replace(
            hand,
            coasting=True,
            score=hand.score * (1 - seconds / coast_time),
            box=hand.box + np.tile(step, 2),
            joints_2d=hand.joints_2d + step,
            joints_3d=None if hand.joints_3d is None else hand.joints_3d + step_3d,
            vertices=None if hand.vertices is None else hand.vertices + step_3d,
        )

    def _decided_side(self, sighting: _Sighting) -> Handedness:
        self._evidence = max(-MOST_EVIDENCE, min(self._evidence + sighting.evidence, MOST_EVIDENCE))
        if self._evidence * _SIGNS[self.hand.handedness] > -EVIDENCE_TO_TURN:
            return self.hand.handedness
        return "right" if self._evidence > 0 else "left"

    def _move(self, sighting: _Sighting, seconds: float) -> None:
        before, self._last = self._last, sighting
        if seconds <= 0:
            return
        step = np.array([sighting.x - before.x, sighting.y - before.y])
        self._velocity += VELOCITY_SHARE * (step / seconds - self._velocity)
        root, root_before = _root(sighting.hand), _root(before.hand)
        if root is not None and root_before is not None:
            self._root_velocity += VELOCITY_SHARE * ((root - root_before) / seconds - self._root_velocity)

    def _smooth(self, seconds: float, smoothing: Smoothing | None) -> None:
        """Replace the hand by its smoothed self; where that is switched off, the filters forget."""
        if smoothing is None:
            self._in_image, self._in_space = PointSmoother(), PointSmoother()
            return
        seconds = max(seconds, SHORTEST_INTERVAL)
        hand = self.hand
        points = np.concatenate([hand.joints_2d, hand.box.reshape(2, 2)])
        points = self._in_image.smooth(points, seconds, smoothing, HAND_LENGTH / self._last.length).astype(np.float32)
        self.hand = replace(hand, joints_2d=points[:JOINT_COUNT], box=points[JOINT_COUNT:].reshape(4))
        if hand.joints_3d is not None and hand.vertices is not None:
            points = np.concatenate([hand.joints_3d, hand.vertices])
            points = self._in_space.smooth(points, seconds, smoothing, metres_per_unit=1.0).astype(np.float32)
            self.hand = replace(self.hand, joints_3d=points[:JOINT_COUNT], vertices=points[JOINT_COUNT:])


_SIGNS: Final[dict[Handedness, int]] = {"left": -1, "right": 1}


def _evidence(hand: Hand) -> float:
    """Log odds of a right hand."""
    certainty = min(max(hand.handedness_score, 0.5), 1 - 1e-6)
    return _SIGNS[hand.handedness] * min(math.log(certainty / (1 - certainty)), MOST_EVIDENCE_OF_ONE)


def _root(hand: Hand) -> Floats | None:
    return None if hand.joints_3d is None else hand.joints_3d[ROOT_JOINT].astype(np.float64)


def _faded(seconds: float) -> float:
    """Seconds at full velocity that take as far as `seconds` with the velocity fading."""
    return VELOCITY_FADES * (1 - math.exp(-max(seconds, 0.0) / VELOCITY_FADES))


def _with_shape_of(earlier: Hand, hand: Hand) -> Hand:
    """`hand`, where it is, with the shape it had before.

    For images whose side contradicts all others: their mesh is that of the other hand, inside out for our faces, and
    another finger is taken for the thumb, so that its mirror image is no answer either.
    """
    if earlier.joints_3d is None or earlier.vertices is None or hand.joints_3d is None:
        return hand
    step: FloatArray = hand.joints_3d[ROOT_JOINT] - earlier.joints_3d[ROOT_JOINT]
    return replace(hand, joints_3d=earlier.joints_3d + step, vertices=earlier.vertices + step)
