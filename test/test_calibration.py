"""Scores are calibrated when they come true as often as they say; too sure ones are told from too modest ones."""

from dataclasses import replace

import numpy as np
import pytest

from handos_model.benchmarks.calibration import Calibration, expected_calibration_error
from handos_model.hand.hand import Hand
from handos_model.io.annotations import AnnotatedHand

SIDE = 120.0
TRUE = AnnotatedHand(np.array([0, 0, SIDE, 80], np.float32), np.zeros((21, 2), np.float32), "right")
FOUND = Hand(
    score=0.9,
    box=np.array([0, 0, SIDE, 80], np.float32),
    handedness="right",
    handedness_score=0.75,
    joints_2d=TRUE.joints_2d,
    joint_scores=np.ones(21, np.float32),
    joints_3d=None,
    joint_sigma=None,
    vertices=None,
)


def measured(sureness: float) -> dict[str, float]:
    """Joints with errors of Laplace distributions whose scale is stated `sureness` times too small."""
    rng = np.random.default_rng(0)
    calibration = Calibration()
    for number in range(400):
        scale = rng.uniform(2, 30, 21)
        errors = rng.laplace(0, scale[:, None], (21, 2)).astype(np.float32)
        scores = (1 - np.exp(-0.1 * SIDE * sureness / scale)).astype(np.float32)
        side = "left" if number % 4 == 0 else "right"
        calibration.add(replace(FOUND, joints_2d=errors, joint_scores=scores, handedness=side), TRUE)
    return calibration.measures()


def test_true_laplace_scales_and_sides_are_calibrated() -> None:
    measures = measured(sureness=1)
    assert measures["joint_score_error"] < 0.02
    assert abs(measures["joint_score_excess"]) < 0.01
    assert measures["side_score_error"] == pytest.approx(0, abs=1e-9)


def test_scales_stated_too_small_are_too_sure_and_too_large_ones_not_sure_enough() -> None:
    assert measured(sureness=2)["joint_score_excess"] > 0.1
    assert measured(sureness=0.5)["joint_score_excess"] < -0.1
    assert measured(sureness=2)["joint_score_error"] > 0.1


def test_calibration_error_is_the_mean_gap_weighted_by_the_bins() -> None:
    chances = [0.05, 0.05, 0.95, 0.95, 1.0, 0.55]
    came_true = [False, True, True, True, False, True]
    expected = (2 * abs(0.05 - 0.5) + 3 * abs(2.9 / 3 - 2 / 3) + abs(0.55 - 1)) / 6
    assert expected_calibration_error(chances, came_true) == pytest.approx(expected)


def test_nothing_is_said_without_hands() -> None:
    assert Calibration().measures() == {}
