"""Calibration of joint and handedness scores: how often they come true (expected calibration error)."""

from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.datasets.annotations import AnnotatedHand
from handos_model.hand.hand import Hand
from handos_model.inference.postprocessing import SCORED_RADIUS

_BINS: Final = 10


class Calibration:
    """Collects scores, which are probabilities, and their outcomes over all pairs of a predicted and an annotated hand.

    A joint's sigma comes from the same distribution as its score and is as well calibrated.
    """

    def __init__(self) -> None:
        self._joints: list[tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]]] = []
        self._handedness: list[tuple[float, bool]] = []

    def add(self, predicted: Hand, target: AnnotatedHand) -> None:
        """Add one pair."""
        side = (predicted.box[2:] - predicted.box[:2]).max()
        within = np.abs(predicted.joints_2d - target.joints_2d) <= SCORED_RADIUS * side
        # The score is the probability for either axis: two outcomes per joint.
        self._joints += [(predicted.joint_scores, within[:, axis]) for axis in (0, 1)]
        self._handedness.append((predicted.handedness_score, predicted.handedness == target.handedness))

    def measures(self) -> dict[str, float]:
        """Expected calibration errors, and mean score minus fraction of true outcomes; empty without pairs."""
        if not self._handedness:
            return {}
        joint_scores, within = (np.concatenate(values) for values in zip(*self._joints, strict=True))
        handedness_scores, handedness_correct = (np.asarray(values) for values in zip(*self._handedness, strict=True))
        return {
            "joint_score_error": expected_calibration_error(joint_scores, within),
            "joint_score_excess": float(joint_scores.mean() - within.mean()),
            "handedness_score_error": expected_calibration_error(handedness_scores, handedness_correct),
            "handedness_score_excess": float(handedness_scores.mean() - handedness_correct.mean()),
        }


def expected_calibration_error(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """Mean difference between probability and fraction of true outcomes, over ten bins (Guo et al., 2017).

    Parameters
    ----------
    probabilities
        (N,) 0..1, N > 0.
    outcomes
        (N,) booleans.
    """
    predicted = np.asarray(probabilities, np.float64)
    if not predicted.size or not ((predicted >= 0) & (predicted <= 1 + 1e-6)).all():
        raise ValueError(f"calibration needs probabilities from 0 to 1, got {predicted.tolist()[:10]}")
    bins = np.minimum((predicted * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, predicted, _BINS) - np.bincount(bins, np.asarray(outcomes, np.float64), _BINS)
    return float(np.abs(gaps).sum() / len(predicted))
