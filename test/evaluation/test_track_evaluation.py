"""Scores of tracks that are written down by hand, and the command on a drawn sequence."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import handos
from evaluated_network import predicted_hands
from hands import CAMERA, hand_at
from true_hands import SIZE, sequence_of, true_hand

pytest.importorskip("scipy", reason="evaluation of tracks needs the eval extra")

from handos_model.datasets.hand_sequences import SequenceHand, frame_path, write_truth
from handos_model.evaluation.track_evaluation import Published, TrackScores, count_sequence
from handos_model.files.images import write_image
from handos_model.hand.hand import Hand, MetricHand

Frames = list[tuple[SequenceHand, ...]]


def published(x: float, number: int = 1, *, side: str = "right", coasting: bool = False) -> Hand:
    return replace(hand_at(x, side="left" if side == "left" else "right"), id=number, coasting=coasting)


def scores(truth: Frames, hands: Published) -> TrackScores:
    return count_sequence(sequence_of(truth, CAMERA), hands).scores()


def test_a_hand_that_is_published_exactly_has_perfect_scores() -> None:
    measured = scores([(true_hand(hand_at(200)),)] * 60, [(published(200),)] * 60)
    perfect = {"recall": 1, "idf1": 1, "ids_per_hand": 1, "hands_in_sight": 60, "latency_ms": 0, "jitter": 0}
    assert {name: measured[name] for name in perfect} == perfect
    zero = ("false_hands", "false_tracks", "id_switches", "wrong_side", "side_flips", "never_published")
    assert not any(measured[name] for name in zero)
    assert math.isnan(measured["lag_ms"])  # it does not move
    assert math.isnan(measured["ghost_ms"])  # it does not leave


def test_coasting_hands_count_apart_from_detected_ones() -> None:
    hands = [(published(200),)] * 6 + [(published(200, coasting=True),)] * 3 + [()]
    measured = scores([(true_hand(hand_at(200)),)] * 10, hands)
    assert (measured["recall"], measured["coasting_recall"]) == (0.6, 0.3)
    assert measured["idf1"] == pytest.approx(2 * 9 / (10 + 9))


def test_hands_that_show_nothing_are_false() -> None:
    hands = [(published(200, 1), published(500, 2)), (published(200, 1), published(500, 2, coasting=True))]
    measured = scores([(true_hand(hand_at(200)),)] * 2, hands)
    assert (measured["false_hands"], measured["false_coasting_hands"], measured["false_tracks"]) == (0.5, 0.5, 1)


def test_a_second_hand_on_a_true_one_is_false() -> None:
    measured = scores([(true_hand(hand_at(200)),)], [(published(200, 1), published(202, 2))])
    assert measured["false_hands"] == 1


@pytest.mark.parametrize(("visible", "coasting", "false"), [(0.3, False, 0), (0.0, False, 1), (0.0, True, 0)])
def test_a_hand_out_of_sight_need_not_be_published_but_may_coast(visible: float, coasting: bool, false: int) -> None:
    truth: Frames = [(true_hand(hand_at(200), visible=visible),)]
    measured = scores(truth, [(published(200, coasting=coasting),)])
    assert measured["hands_in_sight"] == 0
    assert measured["false_hands"] + measured["false_coasting_hands"] == false


def test_wrong_and_equal_sides_and_flips_are_counted() -> None:
    right, left = true_hand(hand_at(200), 0), true_hand(hand_at(450, side="left"), 1)
    correct = (published(200, 1), published(450, 2, side="left"))
    wrong = (published(200, 1), published(450, 2, side="right"))
    measured = scores([(right, left)] * 4, [correct, wrong, correct, correct])
    assert measured["wrong_side"] == 1 / 8
    assert measured["same_side"] == 1 / 4
    assert measured["side_flips"] == 2


def test_latency_is_counted_from_coming_into_sight() -> None:
    hidden, seen = true_hand(hand_at(200), visible=0.0), true_hand(hand_at(200))
    truth: Frames = [(hidden,)] * 3 + [(seen,)] * 7 + [(hidden,)] + [(seen,)] * 2
    hands: Published = [()] * 6 + [(published(200),)] * 4 + [()] * 3
    measured = scores(truth, hands)
    assert measured["latency_ms"] == pytest.approx(3 * 1000 / 30)
    assert measured["never_published"] == 1  # the second time


def test_ghosts_are_published_after_the_hand_has_left() -> None:
    truth: Frames = [(true_hand(hand_at(200)),)] * 5 + [()] * 10
    hands: Published = [(published(200),)] * 5 + [(published(200, coasting=True),)] * 4 + [()] * 6
    assert scores(truth, hands)["ghost_ms"] == pytest.approx(4 * 1000 / 30)


def test_jitter_is_the_deviation_of_still_hands() -> None:
    truth, rng = hand_at(200), np.random.default_rng(0)
    size = float(np.ptp(truth.joints_2d, axis=0).max())
    hands = [(_shaken(truth, rng.normal(0, 0.02 * size, (21, 2)), rng.normal(0, 0.003, (21, 3))),) for _ in range(90)]
    measured = scores([(true_hand(truth),)] * 90, hands)
    assert measured["jitter"] == pytest.approx(0.02, rel=0.05)
    assert measured["jitter_mm"] == pytest.approx(3, rel=0.05)


def test_a_constant_error_is_no_jitter() -> None:
    truth = hand_at(200)
    shifted = _shaken(truth, np.full((21, 2), 4.0), np.full((21, 3), 0.01))
    assert scores([(true_hand(truth),)] * 30, [(shifted,)] * 30)["jitter"] == pytest.approx(0, abs=1e-5)


def test_lag_is_the_shift_in_time_of_moving_hands() -> None:
    positions = 300 + 150 * np.sin(2 * np.pi * 1.0 * (np.arange(90) / 30))
    delayed = 300 + 150 * np.sin(2 * np.pi * 1.0 * (np.arange(90) / 30 - 0.04))
    truth: Frames = [(true_hand(hand_at(x)),) for x in positions]
    measured = scores(truth, [(published(x),) for x in delayed])
    assert measured["lag_ms"] == pytest.approx(40, abs=2)


def test_hands_without_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="id"):
        scores([(true_hand(hand_at(200)),)], [(hand_at(200),)])


def test_command_measures_network_and_tracker(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The network finds the same two hands in every lit image; the left one is not true; three images are dark."""
    right, _ = predicted_hands(weights, *SIZE, CAMERA)
    sequence = sequence_of([(true_hand(right),)] * 12, CAMERA, tmp_path / "sequences" / "drawn_000")
    for number in range(12):
        level = 0 if number in (5, 6, 7) else 90
        write_image(frame_path(sequence.folder, number), np.full((SIZE[1], SIZE[0], 3), level, np.uint8))
    write_truth(sequence)
    report = tmp_path / "tracks.json"
    options = (tmp_path / "sequences", "--weights", weights, "--out", report)
    assert handos("eval", "tracks", *options, monkeypatch=monkeypatch) == 0
    written = json.loads(report.read_text())
    assert written["scenarios"]["test"] == written["overall"]
    assert written["overall"]["recall"] == 0.75
    assert written["overall"]["coasting_recall"] == 0.25
    assert written["overall"]["false_hands"] == 0.75
    assert written["overall"]["id_switches"] == 0
    assert (written["settings"]["coast_time"], written["settings"]["birth_score"]) == (0.3, pytest.approx(0.6))
    assert handos("eval", "tracks", *options, "--coast-time", 0, "--no-smoothing", monkeypatch=monkeypatch) == 0
    written = json.loads(report.read_text())
    assert (written["overall"]["coasting_recall"], written["overall"]["id_switches"]) == (0, 1)
    assert written["settings"]["smoothing"] is None
    assert "id_switches" in capsys.readouterr().out


def test_a_folder_without_sequences_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handos("eval", "tracks", tmp_path, monkeypatch=monkeypatch) == 1
    assert str(tmp_path) in capsys.readouterr().err


def _shaken(hand: Hand, pixels: np.ndarray, metres: np.ndarray) -> Hand:
    assert hand.metric is not None
    metric: MetricHand = replace(hand.metric, joints_3d=(hand.metric.joints_3d + metres).astype(np.float32))
    return replace(hand, id=1, joints_2d=(hand.joints_2d + pixels).astype(np.float32), metric=metric)
