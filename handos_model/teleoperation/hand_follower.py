"""`HandFollower`: which hand of the image a robot's side follows, and when it must not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Hand, Handedness, MetricHand
from handos_model.hand.skeleton import WRIST

_JUMP_TOLERANCE: Final = 0.03
"""Metres by which a wrist may be off from one image to the next without having moved."""
_LONGEST_MOTION: Final = 0.25
"""Seconds out of sight for which a hand may have moved on; farther away it must settle first."""


@dataclass(frozen=True)
class FollowSettings:
    """When a hand is believed.

    Raises
    ------
    ValueError
        If a value cannot be used.
    """

    settle_time: float = 0.2
    """Seconds for which a hand must be seen without interruption before it is followed: at first, and again after a
    jump or after it was taken for the other side."""
    max_speed: float = 2.0
    """Metres per second; a wrist that seems to move faster has jumped."""
    min_handedness_score: float = 0.6
    """Confidence in the side below which a hand is not followed, 0.5..1."""

    def __post_init__(self) -> None:
        if not self.settle_time >= 0:
            raise ValueError(f"settle_time is {self.settle_time}: give 0 or more seconds")
        if not self.max_speed > 0:
            raise ValueError(f"max_speed is {self.max_speed}: give more than 0 m/s")
        if not 0.5 <= self.min_handedness_score <= 1:
            raise ValueError(f"min_handedness_score is {self.min_handedness_score}: give 0.5..1")


@dataclass(frozen=True)
class Observation:
    """What an image says about the followed hand."""

    hand: Hand | None
    """In metres; ``None``: nothing to follow in this image."""
    reason: str
    """Why there is nothing to follow; empty otherwise."""


@dataclass
class _Candidate:
    """The one hand that is, or soon may be, followed."""

    id: int | None
    believed_since: float
    """Seconds; since then it has been seen on the right side and without a jump."""
    seen: float
    """Seconds, when it was last seen on the right side."""
    wrist: Float64Array
    """(3,) metres, camera optical frame, where it was seen then."""


class HandFollower:
    """Follows one person's hand of one side over the images of a camera.

    It stays with the tracker's id. A hand that is suddenly taken for the other side, or that jumps, is not followed
    until it has been steady for a while; no other hand takes its place silently.

    Parameters
    ----------
    side
        The operator's hand.
    settings
        When a hand is believed.
    """

    def __init__(self, side: Handedness, settings: FollowSettings | None = None) -> None:
        self._side: Handedness = side
        self._settings = settings or FollowSettings()
        self._candidate: _Candidate | None = None

    def look(self, hands: Sequence[Hand], seconds: float) -> Observation:
        """Find the hand to follow among the hands of an image.

        Parameters
        ----------
        hands
            All hands of the image, best first.
        seconds
            When the image was taken, as far as that is known, by any clock that never goes back.
        """
        known = self._known_among(hands)
        if self._candidate is None or known is None:
            return self._start(hands, seconds)
        return self._go_on(self._candidate, known, hands, seconds)

    def _known_among(self, hands: Sequence[Hand]) -> Hand | None:
        if self._candidate is None:
            return None
        return next((hand for hand in hands if hand.id == self._candidate.id), None)

    def _start(self, hands: Sequence[Hand], seconds: float) -> Observation:
        """Begin with the best hand of the side."""
        self._candidate = None
        for hand in hands:
            if not self._objection(hand) and hand.metric is not None:
                self._candidate = _Candidate(hand.id, seconds, seconds, _wrist(hand.metric))
                return self._when_settled(self._candidate, hand, seconds)
        objections = [self._objection(hand) for hand in hands if hand.handedness == self._side]
        return Observation(None, objections[0] if objections else f"no {self._side} hand is seen")

    def _go_on(self, candidate: _Candidate, hand: Hand, hands: Sequence[Hand], seconds: float) -> Observation:
        objection = self._objection(hand)
        if objection or hand.metric is None:
            if hand.handedness != self._side and seconds - candidate.seen > self._settings.settle_time:
                return self._start(hands, seconds)  # it is the other side's hand for good
            if not hand.coasting:
                candidate.believed_since = seconds
            return Observation(None, objection)
        wrist = _wrist(hand.metric)
        distance = float(np.linalg.norm(wrist - candidate.wrist))
        if distance > self._settings.max_speed * min(seconds - candidate.seen, _LONGEST_MOTION) + _JUMP_TOLERANCE:
            candidate.believed_since = seconds
        candidate.seen, candidate.wrist = seconds, wrist
        return self._when_settled(candidate, hand, seconds)

    def _when_settled(self, candidate: _Candidate, hand: Hand, seconds: float) -> Observation:
        if seconds - candidate.believed_since < self._settings.settle_time:
            return Observation(None, f"the {self._side} hand has been steady for too short a time")
        return Observation(hand, "")

    def _objection(self, hand: Hand) -> str:
        """Why this hand is not to be followed; empty: it may be."""
        if hand.handedness != self._side:
            return f"the {self._side} hand is taken for a {hand.handedness} one"
        if not hand.id:
            return f"the {self._side} hand has no id: hands must be tracked"
        if hand.coasting:
            return f"the {self._side} hand is hidden"
        if hand.tentative:
            return f"the {self._side} hand has been seen in too few images"
        if hand.metric is None:
            return f"the {self._side} hand has no metres"
        if not np.isfinite(hand.metric.joints_3d).all():
            return f"the {self._side} hand is not finite"
        if hand.handedness_score < self._settings.min_handedness_score:
            return f"the side of the {self._side} hand is uncertain"
        return ""


def _wrist(hand: MetricHand) -> Float64Array:
    return hand.joints_3d[WRIST].astype(np.float64)
