"""Identity measures of tracks: IDF1 and identity switches.

IDF1 as in Ristani et al., Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking (2016): each true
hand is assigned to at most one track over the whole sequence, so that the frames in which they agree are as many as
possible. Switches as in CLEAR MOT (Bernardin, Stiefelhagen 2008): a pair of a true hand and a track lasts as long as
they overlap, other hands are paired anew in each frame, and a hand that gets another track than before has switched.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from handos_model.evaluation.matching import MIN_IOU
from handos_model.geometry.arrays import Float64Array


@dataclass(frozen=True)
class IdentityFrame:
    """True hands and tracks of one image."""

    hands: tuple[int, ...]
    """Identities of the true hands."""
    tracks: tuple[int, ...]
    """Ids of the published hands."""
    overlaps: Float64Array
    """(hands, tracks) intersection over union of their boxes."""


@dataclass(frozen=True)
class IdentityCounts:
    """Counts over one sequence."""

    agreeing: int
    """IDTP: hands in images whose track is the one assigned to them."""
    true: int
    """IDTP + IDFN: true hands in images."""
    published: int
    """IDTP + IDFP: published hands in images."""
    switches: int
    tracks_of_hands: dict[int, set[int]]
    """By identity, all tracks that the hand was paired with."""


def count_identities(frames: Sequence[IdentityFrame]) -> IdentityCounts:
    """Compare the identities of true and published hands over a sequence."""
    switches, tracks_of_hands = _count_switches(frames)
    return IdentityCounts(
        agreeing=_count_agreeing(frames),
        true=sum(len(frame.hands) for frame in frames),
        published=sum(len(frame.tracks) for frame in frames),
        switches=switches,
        tracks_of_hands=tracks_of_hands,
    )


def idf1(agreeing: int, true: int, published: int) -> float:
    """2 IDTP / (2 IDTP + IDFP + IDFN); NaN without true hands."""
    return 2 * agreeing / (true + published) if true else float("nan")


def _count_agreeing(frames: Sequence[IdentityFrame]) -> int:
    together: Counter[tuple[int, int]] = Counter()
    for frame in frames:
        for i, j in np.argwhere(frame.overlaps >= MIN_IOU).tolist():
            together[frame.hands[i], frame.tracks[j]] += 1
    hands = sorted({hand for hand, _ in together})
    tracks = sorted({track for _, track in together})
    counts = np.array([[together[hand, track] for track in tracks] for hand in hands]).reshape(len(hands), len(tracks))
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return int(counts[rows, columns].sum())


def _count_switches(frames: Sequence[IdentityFrame]) -> tuple[int, dict[int, set[int]]]:
    switches, last = 0, dict[int, int]()
    tracks_of_hands: defaultdict[int, set[int]] = defaultdict(set)
    for frame in frames:
        for hand, track in _pair(frame, last):
            switches += last.get(hand, track) != track
            last[hand] = track
            tracks_of_hands[hand].add(track)
    return switches, dict(tracks_of_hands)


def _pair(frame: IdentityFrame, last: dict[int, int]) -> list[tuple[int, int]]:
    """Pairs of hand and track in an image: lasting ones first, the others so that they overlap the most."""
    overlaps = np.where(frame.overlaps >= MIN_IOU, frame.overlaps, 0.0)
    pairs = []
    for i, hand in enumerate(frame.hands):
        track = last.get(hand)
        j = frame.tracks.index(track) if track in frame.tracks else None
        if track is not None and j is not None and overlaps[i, j] > 0:
            pairs.append((hand, track))
            overlaps[i, :] = overlaps[:, j] = 0
    # As many pairs as possible: 10 outweighs any difference of overlaps.
    rows, columns = linear_sum_assignment(np.where(overlaps > 0, overlaps + 10, 0), maximize=True)
    new = [(frame.hands[i], frame.tracks[j]) for i, j in zip(rows, columns, strict=True) if overlaps[i, j] > 0]
    return pairs + new
