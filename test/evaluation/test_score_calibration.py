"""Calibration of scores: calibrated, overconfident and underconfident predictions."""

from dataclasses import replace

import numpy as np
import pytest

from handos_model.datasets.annotations import AnnotatedHand
from handos_model.evaluation.score_calibration import Calibration, expected_calibration_error
from handos_model.hand.hand import Hand

SIDE = 120.0
TARGET = AnnotatedHand(np.array([0, 0, SIDE, 80], np.float32), np.zeros((21, 2), np.float32), "right")
PREDICTED = Hand(
    score=0.9,
    box=np.array([0, 0, SIDE, 80], np.float32),
    handedness="right",
    handedness_score=0.75,
    joints_2d=TARGET.joints_2d,
    joint_scores=np.ones(21, np.float32),
)


def measured(overconfidence: float) -> dict[str, float]:
    """Measures of joints with Laplace errors whose scale is predicted too small by the factor `overconfidence`."""
    rng = np.random.default_rng(0)
    calibration = Calibration()
    for number in range(400):
        scale = rng.uniform(2, 30, 21)
        errors = rng.laplace(0, scale[:, None], (21, 2)).astype(np.float32)
        scores = (1 - np.exp(-0.1 * SIDE * overconfidence / scale)).astype(np.float32)
        side = "left" if number % 4 == 0 else "right"
        calibration.add(replace(PREDICTED, joints_2d=errors, joint_scores=scores, handedness=side), TARGET)
    return calibration.measures()


def test_correct_laplace_scales_and_handedness_scores_are_calibrated() -> None:
    measures = measured(overconfidence=1)
    assert measures["joint_score_error"] < 0.02
    assert abs(measures["joint_score_excess"]) < 0.01
    assert measures["handedness_score_error"] == pytest.approx(0, abs=1e-9)


def test_too_small_scales_are_overconfident_and_too_large_ones_underconfident() -> None:
    assert measured(overconfidence=2)["joint_score_excess"] > 0.1
    assert measured(overconfidence=0.5)["joint_score_excess"] < -0.1
    assert measured(overconfidence=2)["joint_score_error"] > 0.1


def test_calibration_error_is_the_mean_gap_weighted_by_the_bins() -> None:
    probabilities = [0.05, 0.05, 0.95, 0.95, 1.0, 0.55]
    outcomes = [False, True, True, True, False, True]
    expected = (2 * abs(0.05 - 0.5) + 3 * abs(2.9 / 3 - 2 / 3) + abs(0.55 - 1)) / 6
    assert expected_calibration_error(probabilities, outcomes) == pytest.approx(expected)


def test_there_are_no_measures_without_hands() -> None:
    assert Calibration().measures() == {}


@pytest.mark.parametrize("probabilities", [[], [0.5, float("nan")], [-0.1], [1.5]])
def test_scores_that_are_no_probabilities_are_refused(probabilities: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilities from 0 to 1"):
        expected_calibration_error(probabilities, [True] * len(probabilities))
