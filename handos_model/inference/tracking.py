"""Tracks hands over time: stable ids, handedness decided over many images, smoothing, and coasting of lost hands.

Every track is predicted into the next image at constant velocity and matched to the detection that fits best in
position, size and handedness. Matching is greedy, cheapest pair first. For the few hands in front of a camera this
almost always equals the optimal assignment (a test compares the two), without another dependency.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, count
from typing import Final, NamedTuple

from handos_model.hand.hand import Hand
from handos_model.inference.smoothing import Smoothing
from handos_model.inference.track import Detection, Moment, Track

MAX_COST: Final = 1.5
"""Maximum cost of a match: the distance in hand lengths plus the costs of size and handedness."""
MAX_GAP: Final = 2.0
"""Seconds between two images after which no hand is the same."""
BIRTH_FACTOR: Final = 1.2
"""Minimum score of a new hand, in units of the weights' own threshold, which is made for single images."""
KEEP_FRACTION: Final = 0.7
"""Fraction of that minimum which suffices for a hand that is tracked already."""
WEAK_COST: Final = 0.9
"""Cost of matching a hand that is too weak to be a new one."""


class ScoreThresholds(NamedTuple):
    """Minimum scores of hands in a sequence of images: fewer false hands and fewer gaps than with one for both."""

    birth: float
    """Of a new hand."""
    keep: float
    """Of a hand that is tracked already."""

    @classmethod
    def around(cls, weights_own: float, birth: float | None = None, keep: float | None = None) -> "ScoreThresholds":
        """Choose those that are not given, from the threshold that the weights recommend for single images."""
        birth = min(BIRTH_FACTOR * weights_own, 1.0) if birth is None else birth
        return cls(birth, min(KEEP_FRACTION * birth if keep is None else keep, birth))


@dataclass(frozen=True)
class TrackingSettings:
    """Settings of the tracker."""

    coast_time: float = 0.3
    """Seconds for which a lost hand is extrapolated; 0: lost hands are dropped at once."""
    smoothing: Smoothing | None = field(default_factory=Smoothing)
    """``None``: no smoothing."""
    birth_score: float = 0.0
    """Minimum score of a new hand; a hand that is tracked already is kept whatever its score."""


class HandTracker:
    """Tracks the hands of one camera from image to image."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._ids = count(1)
        self._seconds = -math.inf

    def forget(self) -> None:
        """Drop all tracks; the ids of new ones continue."""
        self._tracks.clear()

    def update(
        self, hands: Sequence[Hand], seconds: float, settings: TrackingSettings, *, received: float | None = None
    ) -> tuple[Hand, ...]:
        """Track the hands of the next image.

        Parameters
        ----------
        hands
            Finite hands of the pipeline.
        seconds
            When the image was taken: motion is measured by it.
        settings
            May change from call to call.
        received
            Seconds of a steady clock: for how long a hand has not been seen is measured by it. ``None``: `seconds`.

        Returns
        -------
        tuple of Hand
            The hands of the image with `id` set, in the given order, without weak new ones; then the lost hands, with
            `coasting` set.

        Raises
        ------
        ValueError
            If `seconds` goes back. Use another tracker for another recording.
        """
        if not self._seconds <= seconds < math.inf:
            raise ValueError(f"time must not go back from image to image: {seconds} s follows {self._seconds} s")
        self._seconds = seconds
        now = Moment(seconds, seconds if received is None else received)
        self._forget_after_a_gap(now, settings.coast_time)
        detections = [Detection.from_hand(hand) for hand in hands]
        matches = self._match(detections, now, settings.birth_score)
        active = [
            self._update_track(matches.get(k), detection, now, settings)
            for k, detection in enumerate(detections)
            if k in matches or detection.hand.score >= settings.birth_score
        ]
        for first, second in combinations(active, 2):
            first.judge_handedness_with(second)
        unmatched = [track for t, track in enumerate(self._tracks) if t not in matches.values()]
        coasting = [track for track in unmatched if track.may_coast(now, settings.coast_time)]
        self._tracks = [*active, *coasting]
        return (
            *(track.hand for track in active),
            *(track.extrapolate(now, settings.coast_time) for track in coasting),
        )

    def _forget_after_a_gap(self, now: Moment, coast_time: float) -> None:
        limit = max(coast_time, MAX_GAP)
        self._tracks = [track for track in self._tracks if track.unseen_for(now) <= limit]

    def _match(self, detections: Sequence[Detection], now: Moment, birth_score: float) -> dict[int, int]:
        """Map indices of detections to indices of tracks; unmatched detections are left out."""
        costs = [
            (track.matching_cost(detection, now) + WEAK_COST * (detection.hand.score < birth_score), k, t)
            for k, detection in enumerate(detections)
            for t, track in enumerate(self._tracks)
        ]
        matches: dict[int, int] = {}
        for cost, k, t in sorted(costs):
            if cost <= MAX_COST and k not in matches and t not in matches.values():
                matches[k] = t
        return matches

    def _update_track(self, index: int | None, detection: Detection, now: Moment, settings: TrackingSettings) -> Track:
        if index is not None:
            track = self._tracks[index]
            track.update(detection, now, settings.smoothing)
            return track
        return Track(detection, next(self._ids), now, settings.smoothing)
