"""IDF1 and identity switches: counted by hand, and as py-motmetrics 1.4.0 counts them."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="evaluation of tracks needs the eval extra")

from handos_model.evaluation.track_identity import IdentityFrame, count_identities, idf1


def frame(**track_of_hand: int | None) -> IdentityFrame:
    """Hands h0, h1 and so on, and the tracks that show them exactly; ``None``: missed."""
    hands = tuple(int(name[1:]) for name in track_of_hand)
    tracks = tuple(track for track in track_of_hand.values() if track is not None)
    overlaps = np.array([[float(own == track) for track in tracks] for own in track_of_hand.values()])
    return IdentityFrame(hands, tracks, overlaps.reshape(len(hands), len(tracks)))


def test_one_track_for_each_hand_is_perfect() -> None:
    counts = count_identities([frame(h0=7, h1=8)] * 5)
    assert (counts.agreeing, counts.true, counts.published, counts.switches) == (10, 10, 10, 0)
    assert idf1(10, 10, 10) == 1


def test_only_the_longer_of_two_tracks_of_a_hand_agrees() -> None:
    counts = count_identities([frame(h0=1)] * 6 + [frame(h0=None)] * 2 + [frame(h0=2)] * 4)
    assert (counts.agreeing, counts.true, counts.published, counts.switches) == (6, 12, 10, 1)
    assert counts.tracks_of_hands == {0: {1, 2}}
    assert idf1(6, 12, 10) == pytest.approx(12 / 22)


def test_two_tracks_that_swap_hands_are_two_switches() -> None:
    counts = count_identities([frame(h0=1, h1=2)] * 4 + [frame(h0=2, h1=1)] * 3)
    assert (counts.agreeing, counts.switches) == (8, 2)


def test_a_pair_lasts_while_it_overlaps_although_another_track_overlaps_more() -> None:
    both = IdentityFrame((0,), (1, 2), np.array([[0.6, 0.9]]))
    counts = count_identities([frame(h0=1), both, both])
    assert (counts.agreeing, counts.published, counts.switches) == (3, 5, 0)


def test_boxes_that_overlap_by_less_than_half_do_not_agree() -> None:
    counts = count_identities([IdentityFrame((0,), (1,), np.array([[0.49]]))])
    assert (counts.agreeing, counts.switches, counts.tracks_of_hands) == (0, 0, {})


def test_without_true_hands_there_is_no_idf1() -> None:
    counts = count_identities([IdentityFrame((), (1,), np.zeros((0, 1)))])
    assert np.isnan(idf1(counts.agreeing, counts.true, counts.published))


@pytest.mark.parametrize(
    ("seed", "agreeing", "true", "published", "switches"),
    [(0, 45, 161, 172, 22), (1, 61, 154, 161, 21), (2, 62, 155, 161, 18)],
)
def test_counts_equal_those_of_motmetrics(seed: int, agreeing: int, true: int, published: int, switches: int) -> None:
    counts = count_identities(_broken_tracks(seed))
    assert (counts.agreeing, counts.true, counts.published, counts.switches) == (agreeing, true, published, switches)


def _broken_tracks(seed: int) -> list[IdentityFrame]:
    """Three hands that are missed, with tracks that break, swap and are invented."""
    rng = np.random.default_rng(seed)
    ids, frames = [1, 2, 3], []
    for _ in range(60):
        hands = [hand for hand in range(3) if rng.random() < 0.85]
        if rng.random() < 0.1:
            ids[rng.integers(3)] = max(ids) + 1
        if rng.random() < 0.1:
            ids[0], ids[1] = ids[1], ids[0]
        tracks = [track for track in ids if rng.random() < 0.85] + ([100] if rng.random() < 0.2 else [])
        overlaps = np.zeros((len(hands), len(tracks)))
        for i, hand in enumerate(hands):
            for j, track in enumerate(tracks):
                if track == ids[hand]:
                    overlaps[i, j] = rng.uniform(0.4, 1)
                elif rng.random() < 0.2:
                    overlaps[i, j] = rng.uniform(0.3, 0.7)
        frames.append(IdentityFrame(tuple(hands), tuple(tracks), overlaps))
    return frames
