"""Evaluation of the tracker on sequences with known truth (`handos eval tracks`)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from tqdm import tqdm

from handos_model.datasets.hand_sequences import HandSequence
from handos_model.evaluation.track_identity import count_identities, idf1
from handos_model.evaluation.track_matching import GONE, LEFT, MatchedFrame, is_in_sight, match_frame, track_id
from handos_model.evaluation.track_motion import jitters, lag, motions
from handos_model.hand.hand import Hand
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.tracking import HandTracker, TrackingSettings

MEASURES: Final[dict[str, str]] = {
    "images": "",
    "hands_in_sight": "true hands of which at least half is visible, over all images",
    "recall": "fraction of them that are published as detected, at IoU 0.5 of the boxes",
    "coasting_recall": "fraction of them that are published as coasting instead",
    "false_hands": "detected hands that show none, per image",
    "false_coasting_hands": "coasting hands that show none, per image",
    "false_tracks": "ids that never show a hand, over all sequences",
    "idf1": "agreement of identities over whole sequences, 0..1",
    "id_switches": "times that a hand in sight gets another id, over all sequences",
    "ids_per_hand": "ids that a true hand is given in its sequence, mean",
    "wrong_side": "fraction of published hands on a true one whose handedness is wrong",
    "same_side": "fraction of images with both hands of a person published that give them the same handedness",
    "side_flips": "changes of handedness within an id, over all sequences",
    "jitter": "standard deviation of a still hand's joints per axis, fraction of the hand's size, median",
    "jitter_mm": "the same in 3D",
    "lag_ms": "time by which published joints follow moving true ones",
    "latency_ms": "time from a hand's coming into sight until it is first published, mean",
    "latency_p95_ms": "the same, 95th percentile",
    "never_published": "hands that came into sight and left it unpublished, over all sequences",
    "ghost_ms": "time for which a hand is still published after it has left the image, mean",
}
"""The numbers of `TrackScores`."""

TrackScores = dict[str, float]
"""By the names of `MEASURES`; NaN where nothing was there to be measured."""
Published = Sequence[tuple[Hand, ...]]
"""The hands of each image of a sequence."""


@dataclass
class TrackCounts:
    """What is counted and collected over sequences, and can be added up."""

    counts: Counter[str] = field(default_factory=Counter)
    values: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, other: "TrackCounts") -> None:
        """Add the counts of other sequences."""
        self.counts.update(other.counts)
        for name, values in other.values.items():
            self.values[name] += values

    def scores(self) -> TrackScores:
        """The measures."""
        c, mean = self.counts, self._mean
        measured = {
            "recall": _fraction(c["detected"], c["hands_in_sight"]),
            "coasting_recall": _fraction(c["coasting"], c["hands_in_sight"]),
            "false_hands": _fraction(c["false_hands"], c["images"]),
            "false_coasting_hands": _fraction(c["false_coasting_hands"], c["images"]),
            "idf1": idf1(c["agreeing"], c["true"], c["published"]),
            "ids_per_hand": mean("ids_per_hand"),
            "wrong_side": _fraction(c["wrong_side"], c["detected"] + c["coasting"]),
            "same_side": _fraction(c["same_side"], c["both_hands"]),
            "jitter": self._percentile("jitter", 50),
            "jitter_mm": 1000 * self._percentile("jitter_m", 50),
            "lag_ms": 1000 * mean("lag_s"),
            "latency_ms": 1000 * mean("latency_s"),
            "latency_p95_ms": 1000 * self._percentile("latency_s", 95),
            "ghost_ms": 1000 * mean("ghost_s"),
        }
        return {name: float(measured[name] if name in measured else c[name]) for name in MEASURES}

    def _mean(self, name: str) -> float:
        return float(np.mean(self.values[name])) if self.values[name] else float("nan")

    def _percentile(self, name: str, percent: float) -> float:
        return float(np.percentile(self.values[name], percent)) if self.values[name] else float("nan")


@dataclass(frozen=True)
class TrackEvaluation:
    """Scores of a tracker."""

    overall: TrackScores
    scenarios: dict[str, TrackScores]
    """By scenario."""


def evaluate_tracks(sequences: Iterable[tuple[HandSequence, Published]]) -> TrackEvaluation:
    """Compare the published hands of each sequence with the truth."""
    overall, scenarios = TrackCounts(), defaultdict[str, TrackCounts](TrackCounts)
    for sequence, published in sequences:
        counts = count_sequence(sequence, published)
        overall.add(counts)
        scenarios[sequence.scenario].add(counts)
    return TrackEvaluation(overall.scores(), {name: counts.scores() for name, counts in scenarios.items()})


def evaluate_tracker(
    pipeline: HandPipeline, sequences: Sequence[HandSequence], settings: TrackingSettings
) -> TrackEvaluation:
    """Run pipeline and tracker over sequences, as the node does, and compare with the truth."""

    def publish() -> Iterator[tuple[HandSequence, Published]]:
        for sequence in tqdm(sequences, unit=" sequences", disable=None):
            detected = [pipeline(image, sequence.camera) for image in sequence.images()]
            yield sequence, track_sequence(sequence, detected, settings)

    return evaluate_tracks(publish())


def track_sequence(
    sequence: HandSequence,
    detected: Published,
    settings: TrackingSettings,
    make_tracker: Callable[[], HandTracker] = HandTracker,
) -> Published:
    """What a new tracker makes of the hands that the pipeline detected in each image."""
    tracker = make_tracker()
    return [tracker.update(hands, stamp, settings) for hands, stamp in zip(detected, sequence.stamps, strict=True)]


def count_sequence(sequence: HandSequence, published: Published) -> TrackCounts:
    """Count everything in one sequence."""
    frames = [match_frame(truth, hands, sequence.size) for truth, hands in zip(sequence.frames, published, strict=True)]
    result = TrackCounts()
    for frame in frames:
        _count_frame(frame, result.counts)
    _count_tracks(frames, result)
    _count_appearances(frames, sequence.frame_rate, result)
    _count_ghosts(frames, sequence.frame_rate, result)
    for motion in motions(frames):
        for fraction, metres in jitters(motion, sequence.frame_rate):
            result.values["jitter"].append(fraction)
            result.values["jitter_m"] += [metres] if np.isfinite(metres) else []
        delay = lag(motion, sequence.frame_rate)
        result.values["lag_s"] += [] if delay is None else [delay]
    return result


def _count_frame(frame: MatchedFrame, counts: Counter[str]) -> None:
    coasting = sum(hand.coasting for _, hand in frame.pairs)
    false_coasting = sum(hand.coasting for hand in frame.unmatched)
    counts.update(
        images=1,
        hands_in_sight=sum(map(is_in_sight, frame.truth)),
        detected=len(frame.pairs) - coasting,
        coasting=coasting,
        false_hands=len(frame.unmatched) - false_coasting,
        false_coasting_hands=false_coasting,
        wrong_side=sum(hand.handedness != true.annotation.handedness for true, hand in frame.pairs),
    )
    sides = defaultdict[int, list[str]](list)
    for true, hand in frame.pairs:
        sides[true.person].append(hand.handedness)
    both = [pair for pair in sides.values() if len(pair) == 2]
    counts.update(both_hands=len(both), same_side=sum(first == second for first, second in both))


def _count_tracks(frames: Sequence[MatchedFrame], result: TrackCounts) -> None:
    identities = count_identities([frame.identities for frame in frames])
    result.counts.update(
        agreeing=identities.agreeing,
        true=identities.true,
        published=identities.published,
        id_switches=identities.switches,
    )
    result.values["ids_per_hand"] += [float(len(tracks)) for tracks in identities.tracks_of_hands.values()]
    shown = {track_id(hand) for frame in frames for hand in (*(hand for _, hand in frame.pairs), *frame.tolerated)}
    sides, everything = dict[int, str](), set[int]()
    for frame in frames:
        for hand in frame.published:
            number = track_id(hand)
            result.counts["side_flips"] += sides.get(number, hand.handedness) != hand.handedness
            sides[number] = hand.handedness
            everything.add(number)
    result.counts["false_tracks"] += len(everything - shown)


def _count_appearances(frames: Sequence[MatchedFrame], frame_rate: float, result: TrackCounts) -> None:
    """Measure the time from each hand's coming into sight until it is first published."""
    for identity in {hand.identity for frame in frames for hand in frame.truth}:
        gone, since = True, None
        for number, frame in enumerate(frames):
            hand = next((hand for hand in frame.truth if hand.identity == identity), None)
            if hand is None or hand.visible < GONE:
                result.counts["never_published"] += since is not None
                gone, since = True, None
                continue
            if gone and is_in_sight(hand):
                gone, since = False, number
            if since is not None and any(true.identity == identity for true, _ in frame.pairs):
                result.values["latency_s"].append((number - since) / frame_rate)
                since = None
        result.counts["never_published"] += since is not None


def _count_ghosts(frames: Sequence[MatchedFrame], frame_rate: float, result: TrackCounts) -> None:
    """Measure for how long hands are published after they have left the image."""
    last_shown = dict[int, int]()  # by track: the true hand
    leaving = dict[int, int]()  # by true hand that was published and has left: images with its ghost since
    for frame in frames:
        inside = {hand.identity for hand in frame.truth if hand.in_image >= LEFT}
        for identity in set(last_shown.values()) - inside - set(leaving):
            leaving[identity] = 0
        for hand in frame.unmatched:
            identity = last_shown.get(track_id(hand), -1)
            if identity in leaving:
                leaving[identity] += 1
        for identity in inside & set(leaving):
            result.values["ghost_s"].append(leaving.pop(identity) / frame_rate)
        last_shown |= {track_id(hand): true.identity for true, hand in frame.pairs}
    result.values["ghost_s"] += [images / frame_rate for images in leaving.values()]


def _fraction(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
