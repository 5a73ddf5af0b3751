"""The size that depth images reveal, against hands whose true size is known."""

from dataclasses import replace

import numpy as np
import pytest
from hands import CAMERA, TOPOLOGY, hand_at

from handos_model.geometry.projection import project
from handos_model.hand.hand import Hand
from handos_model.hand_size.depth_evidence import MIN_MEASUREMENTS, POSE_SIGMA, DepthEvidence, size_factors
from handos_model.hand_size.scaling import scale_hands
from handos_model.hand_size.size_monitor import MIN_DURATION, WINDOW, SizeMonitor
from handos_model.inference.depth_alignment import align_to_depth

SHAPE = (480, 640, 3)
RATE = 10.0


def depth_of(hand: Hand) -> np.ndarray:
    """Depth image of a hand, painted around each of its vertices, the near ones last."""
    depth = np.full(SHAPE[:2], 3.0, np.float32)
    assert hand.metric is not None
    vertices = hand.metric.vertices
    for vertex in vertices[np.argsort(-vertices[:, 2])]:
        column, row = np.round(project(vertex, CAMERA)).astype(int)
        depth[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = vertex[2]
    return depth


@pytest.mark.parametrize("true_size", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("applied", [1.0, 0.9, 1.2])
def test_the_factor_is_that_of_the_true_hand_whatever_was_applied_before(true_size: float, applied: float) -> None:
    hand = hand_at(300)
    (true_hand,) = scale_hands([hand], true_size)
    estimated = scale_hands([hand], applied)
    aligned = align_to_depth(estimated, depth_of(true_hand), TOPOLOGY, CAMERA)
    assert size_factors(aligned, SHAPE, applied) == [pytest.approx(true_size, rel=0.03)]


def measured(hand: Hand, factor: float) -> Hand:
    """A hand after alignment to a depth image that saw it `factor` times as far away as estimated."""
    assert hand.metric is not None
    root = hand.metric.joints_3d[9]
    moved = hand.metric.translated((factor - 1) * root)
    return replace(hand, metric=replace(moved, depth_residual=float((factor - 1) * root[2])))


def test_one_left_and_one_right_hand_count_the_best_of_each() -> None:
    hands = [
        measured(hand_at(150), 1.1),
        measured(hand_at(300, side="left"), 1.2),
        measured(replace(hand_at(450), score=0.8), 1.5),
    ]
    assert size_factors(hands, SHAPE, 1.0) == pytest.approx([1.1, 1.2])


def test_hands_that_are_not_seen_well_do_not_count() -> None:
    good = measured(hand_at(300), 1.1)
    cut_off, weak = measured(hand_at(30), 1.1), replace(good, score=0.5)
    not_measured, no_metres = hand_at(300), replace(good, metric=None)
    assert size_factors([cut_off, weak, not_measured, no_metres], SHAPE, 1.0) == []
    assert size_factors([good], SHAPE, 1.0) == pytest.approx([1.1])


def test_a_few_measurements_are_no_estimate() -> None:
    evidence = DepthEvidence()
    for k in range(MIN_MEASUREMENTS - 1):
        evidence.add([1.1], k / RATE)
    assert evidence.estimate() is None
    evidence.add([1.1], 3.0)
    estimate = evidence.estimate()
    assert estimate is not None
    assert (estimate.factor, estimate.measurements) == (pytest.approx(1.1), MIN_MEASUREMENTS)


def test_the_estimate_is_the_geometric_median_and_outliers_do_not_move_it() -> None:
    rng = np.random.default_rng(0)
    factors = 1.15 * np.exp(0.06 * rng.standard_normal(200))
    factors[::5] = 3.0  # another surface
    evidence = DepthEvidence()
    for k, factor in enumerate(factors):
        evidence.add([float(factor)], k / RATE)
    estimate = evidence.estimate()
    assert estimate is not None
    assert estimate.factor == pytest.approx(float(np.median(factors)))
    assert estimate.factor == pytest.approx(1.15, rel=0.03)
    assert POSE_SIGMA < estimate.sigma / estimate.factor < 1.05 * np.hypot(POSE_SIGMA, 1.26 * 0.1 / 200**0.5)


def test_many_equal_measurements_are_not_more_certain_than_one_pose_can_be() -> None:
    evidence = DepthEvidence()
    for k in range(10_000):
        evidence.add([1.0, 1.0], k / RATE)
    estimate = evidence.estimate()
    assert estimate is not None
    assert estimate.sigma == pytest.approx(POSE_SIGMA)


def test_a_window_forgets_what_is_older() -> None:
    evidence = DepthEvidence(window=10.0)
    for k in range(200):
        evidence.add([1.0 if k < 100 else 1.3], k / RATE)
    estimate = evidence.estimate()
    assert estimate is not None
    assert estimate.factor == pytest.approx(1.3)
    assert evidence.duration <= 10.0


def watched(factor: float, seconds: float) -> SizeMonitor:
    monitor = SizeMonitor()
    for k in range(round(seconds * RATE) + 1):
        monitor.look_at([factor], k / RATE)
    return monitor


@pytest.mark.parametrize("factor", [0.7, 0.81, 1.23, 1.5])
def test_another_persons_hands_are_noticed(factor: float) -> None:
    seen = watched(factor, WINDOW).contradiction(1.0)
    assert seen is not None
    assert seen.factor == pytest.approx(factor)


@pytest.mark.parametrize(("factor", "seconds"), [(1.2, 60.0), (0.83, 60.0), (1.5, MIN_DURATION - 1)])
def test_small_or_short_deviations_are_no_contradiction(factor: float, seconds: float) -> None:
    assert watched(factor, seconds).contradiction(1.0) is None


def test_a_contradiction_ends_with_what_causes_it() -> None:
    monitor = watched(1.5, WINDOW)
    for k in range(round(WINDOW * RATE)):
        monitor.look_at([1.0], WINDOW + k / RATE)
    assert monitor.contradiction(1.0) is None
