"""Ids, sides and positions of hands over time."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hands import TOPOLOGY, hand_at
from scipy.optimize import linear_sum_assignment

from handos_model.hand.hand import Hand, Handedness
from handos_model.inference.smoothing import PointSmoother, Smoothing
from handos_model.inference.track import Detection, Moment
from handos_model.inference.tracking import MAX_COST, HandTracker, TrackingSettings

FRAME = 1 / 30
RAW = TrackingSettings(smoothing=None)


def test_a_hand_keeps_its_id_and_a_new_one_gets_a_new_id() -> None:
    tracker = HandTracker()
    for k in range(10):
        (hand,) = tracker.update([hand_at(100 + 3 * k)], k * FRAME, RAW)
        assert hand.id == 1
    first, second = tracker.update([hand_at(500, side="left"), hand_at(130)], 10 * FRAME, RAW)
    assert (first.id, second.id) == (2, 1)


@pytest.mark.parametrize("sides", [("right", "left"), ("right", "right")])
def test_ids_survive_crossing_hands_hidden_for_200_ms(sides: tuple[Handedness, Handedness]) -> None:
    tracker = HandTracker()
    last: dict[int | None, Hand] = {}
    for k in range(60):
        right, left = hand_at(100 + 7 * k, 230, sides[0]), hand_at(520 - 7 * k, 250, sides[1])
        hidden = 27 <= k <= 32  # one hand covers the other where they meet
        hands = tracker.update([right] if hidden else [left, right], k * FRAME, RAW)
        last = {hand.id: hand for hand in hands if not hand.coasting}
    assert last.keys() == {1, 2}
    assert last[1].box[0] < last[2].box[0]  # hand 1 starts on the right and ends on the left


def test_greedy_matching_equals_the_optimal_assignment_for_moving_hands() -> None:
    rng = np.random.default_rng(3)
    differing = 0
    for _ in range(100):
        tracker = HandTracker()
        positions, velocities = rng.uniform([60, 60], [580, 420], (4, 2)), rng.normal(0, 8, (4, 2))
        sides = rng.choice(["left", "right"], 4)
        for k in range(6):
            hands = [hand_at(x, y, side) for (x, y), side in zip(positions + k * velocities, sides, strict=True)]
            detections = [Detection.from_hand(hand) for hand in hands]
            now = Moment(k * FRAME, k * FRAME)
            costs = np.array([[track.matching_cost(d, now) for track in tracker._tracks] for d in detections])
            if k:
                rows, columns = linear_sum_assignment(np.minimum(costs, MAX_COST))
                optimal = {r: c for r, c in zip(rows, columns, strict=True) if costs[r, c] <= MAX_COST}
                differing += tracker._match(detections, now, 0.0) != optimal
            tracker.update(hands, k * FRAME, RAW)
    assert differing <= 5  # of 500


def test_a_lost_hand_is_extrapolated_and_then_dropped() -> None:
    tracker = HandTracker()
    for k in range(10):
        tracker.update([hand_at(100 + 6 * k)], k * FRAME, RAW)
    (coasting,) = tracker.update([], 10 * FRAME, RAW)
    assert coasting.coasting
    assert coasting.id == 1
    assert 0 < coasting.score < 0.9
    expected = hand_at(160)
    assert np.allclose(coasting.joints_2d, expected.joints_2d, atol=2)
    assert coasting.joints_3d is not None
    assert expected.joints_3d is not None
    assert np.allclose(coasting.joints_3d, expected.joints_3d, atol=0.002)
    assert tracker.update([], 9 * FRAME + RAW.coast_time + 0.01, RAW) == ()


def test_a_false_positive_in_one_image_does_not_coast() -> None:
    tracker = HandTracker()
    tracker.update([hand_at(100)], 0.0, RAW)
    assert tracker.update([], FRAME, RAW) == ()


def test_with_a_coast_time_of_0_lost_hands_are_dropped_at_once() -> None:
    tracker = HandTracker()
    for k in range(10):
        tracker.update([hand_at(100)], k * FRAME, RAW)
    assert tracker.update([], 10 * FRAME, replace(RAW, coast_time=0)) == ()


def test_one_image_with_the_wrong_side_changes_neither_side_nor_shape() -> None:
    tracker = HandTracker()
    for k in range(10):
        tracker.update([hand_at(100)], k * FRAME, RAW)
    (hand,) = tracker.update([hand_at(103, side="left", certainty=0.7)], 10 * FRAME, RAW)
    expected = hand_at(103)
    assert hand.handedness == "right"
    assert hand.vertices is not None
    assert expected.vertices is not None
    assert np.allclose(hand.vertices, expected.vertices, atol=1e-4)


def test_a_second_of_uncertain_images_does_not_switch_a_side_that_was_certain_before() -> None:
    tracker = HandTracker()
    for k in range(30):
        tracker.update([hand_at(100, certainty=0.995)], k * FRAME, RAW)
    for k in range(30, 60):
        (hand,) = tracker.update([hand_at(100, side="left", certainty=0.9)], k * FRAME, RAW)
        assert hand.handedness == "right"


def test_a_side_that_stays_different_is_adopted() -> None:
    tracker = HandTracker()
    for k in range(3):
        tracker.update([hand_at(100, certainty=0.6)], k * FRAME, RAW)
    for k in range(3, 12):
        (hand,) = tracker.update([hand_at(100, side="left", certainty=0.9)], k * FRAME, RAW)
    assert hand.id == 1
    assert hand.handedness == "left"


def test_another_persons_hand_of_the_other_side_does_not_inherit_the_id() -> None:
    tracker = HandTracker()
    for k in range(10):
        tracker.update([hand_at(100)], k * FRAME, RAW)
    hands = tracker.update([hand_at(370, side="left")], 10 * FRAME, RAW)
    assert [(hand.id, hand.coasting) for hand in hands] == [(2, False), (1, True)]


def test_a_hand_that_jumps_or_shows_the_other_side_once_keeps_its_id() -> None:
    for seen in (hand_at(300), hand_at(110, side="left")):
        tracker = HandTracker()
        for k in range(10):
            tracker.update([hand_at(100)], k * FRAME, RAW)
        (hand,) = tracker.update([seen], 10 * FRAME, RAW)
        assert (hand.id, hand.handedness) == (1, "right")


@pytest.mark.parametrize("seconds", [3.0, math.nan, math.inf])
def test_time_that_does_not_advance_is_refused(seconds: float) -> None:
    tracker = HandTracker()
    tracker.update([hand_at(100)], 100.0, RAW)
    with pytest.raises(ValueError, match="follows 100"):
        tracker.update([hand_at(100)], seconds, RAW)


def test_a_lost_hand_is_gone_after_coast_time_of_reception_though_its_stamps_stand_still() -> None:
    tracker = HandTracker()
    for k in range(10):
        tracker.update([hand_at(100)], 5.0, RAW, received=k * FRAME)
    assert len(tracker.update([], 5.0, RAW, received=9 * FRAME + RAW.coast_time)) == 1
    assert tracker.update([], 5.0, RAW, received=9 * FRAME + RAW.coast_time + 0.01) == ()


@pytest.mark.parametrize("interval", [0.0, 1e-9, 1e-6])
def test_two_images_a_moment_apart_do_not_make_a_coasting_hand_fly(interval: float) -> None:
    tracker = HandTracker()
    for k in range(5):
        tracker.update([hand_at(100 + 5 * (k % 2))], k * FRAME, RAW)
    tracker.update([hand_at(105)], 4 * FRAME + interval, RAW)
    (coasting,) = tracker.update([], 5 * FRAME + RAW.coast_time - 0.04, RAW)
    assert coasting.coasting
    assert np.abs(coasting.joints_2d - hand_at(105).joints_2d).max() < 30
    assert coasting.joints_3d is not None
    assert np.abs(coasting.joints_3d - hand_at(105).joints_3d).max() < 0.05


def test_after_a_long_gap_no_hand_is_the_same() -> None:
    tracker = HandTracker()
    for k in range(5):
        tracker.update([hand_at(100)], k * FRAME, RAW)
    (after_a_second,) = tracker.update([hand_at(100)], 1.0, RAW)
    (after_a_minute,) = tracker.update([hand_at(100)], 61.0, RAW)
    assert (after_a_second.id, after_a_minute.id) == (1, 2)


def test_forgotten_hands_get_new_ids() -> None:
    tracker = HandTracker()
    tracker.update([hand_at(100)], 0.0, RAW)
    tracker.forget()
    (hand,) = tracker.update([hand_at(100)], FRAME, RAW)
    assert hand.id == 2


def test_a_hand_is_tentative_until_its_third_image() -> None:
    tracker = HandTracker()
    states = [tracker.update([hand_at(100)], k * FRAME, RAW)[0].tentative for k in range(4)]
    assert states == [True, True, False, False]


def test_a_weak_hand_is_kept_but_not_born() -> None:
    tracker, settings = HandTracker(), replace(RAW, birth_score=0.6)
    weak = replace(hand_at(100), score=0.3)
    assert tracker.update([weak], 0.0, settings) == ()
    (born,) = tracker.update([hand_at(100)], FRAME, settings)
    (kept,) = tracker.update([weak], 2 * FRAME, settings)
    assert (born.id, kept.id, kept.coasting, kept.score) == (1, 1, False, 0.3)


def test_a_weak_detection_takes_no_track_from_a_strong_one() -> None:
    tracker, settings = HandTracker(), replace(RAW, birth_score=0.6)
    tracker.update([hand_at(100)], 0.0, settings)
    (hand,) = tracker.update([hand_at(110), replace(hand_at(100), score=0.3)], FRAME, settings)
    assert (hand.id, hand.score) == (1, 0.9)


def test_without_smoothing_hands_are_returned_as_measured() -> None:
    tracker = HandTracker()
    for k in range(5):
        given = hand_at(100 + 20 * (k % 2))
        (hand,) = tracker.update([given], k * FRAME, RAW)
        assert np.array_equal(hand.joints_2d, given.joints_2d)


def test_smoothing_reduces_jitter_and_keeps_joints_and_mesh_consistent() -> None:
    rng = np.random.default_rng(1)
    tracker = HandTracker()
    measured, smoothed = [], []
    for k in range(200):
        still = hand_at(100)
        assert still.metric is not None
        jitter = rng.normal(0, [0.002, 0.002, 0.006], 3).astype(np.float32)
        given = replace(still, metric=still.metric.translated(jitter))
        (hand,) = tracker.update([given], k * FRAME, TrackingSettings())
        assert hand.joints_3d is not None
        assert given.joints_3d is not None
        assert hand.vertices is not None
        assert np.allclose(TOPOLOGY.joint_regressor @ hand.vertices, hand.joints_3d, atol=1e-5)
        measured.append(given.joints_3d)
        smoothed.append(hand.joints_3d)
    assert np.std(smoothed[50:], axis=0).mean() < 0.6 * np.std(measured[50:], axis=0).mean()


def points_moving_at(speed: float, seconds: float) -> list[npt.NDArray[np.float64]]:
    return [np.full((21, 3), speed * k * FRAME) for k in range(round(seconds / FRAME))]


@pytest.mark.parametrize("speed", [0.1, 0.5, 1.0])
def test_smoothing_lags_by_the_time_constant_of_its_cutoff(speed: float) -> None:
    smoothing, smoother = Smoothing(), PointSmoother()
    for points in points_moving_at(speed, 5.0):
        smoothed = smoother.smooth(points, FRAME, smoothing, metres_per_unit=1.0)
    lag = (points - smoothed)[0, 0] / speed
    assert lag == pytest.approx(1 / (2 * np.pi * (smoothing.min_cutoff + smoothing.speed_gain * speed)), rel=0.05)
