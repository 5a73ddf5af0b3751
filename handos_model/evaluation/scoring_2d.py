"""Scores of 2D joints on HInt: PCK of all, visible and occluded joints."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from tqdm import tqdm

from handos_model.datasets.annotations import AnnotatedHand
from handos_model.datasets.dataset import Dataset
from handos_model.evaluation.prediction_log import Prediction
from handos_model.evaluation.running_statistics import KeypointStatistics, RunningMeans, WorstCases
from handos_model.evaluation.scores import Scores
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import JOINT_COUNT

THRESHOLDS: Final = {".05": 0.05, ".1": 0.10, ".15": 0.15}
"""Fractions of the longest side of the annotated box, by their names in papers."""
SUBSETS: Final = ("all", "visible", "occluded")
_CURVE_THRESHOLDS: Final = np.linspace(0.0, 0.3, 61)


def score_2d(dataset: Dataset, predictions: Iterable[Prediction]) -> Scores:
    """Compute PCK as HInt's authors define it: per joint over the images, then averaged over the joints.

    A joint is correct if its error is at most a fraction of the longest side of the annotated box. If predictions tell
    whether the hand was detected, ``found_pck`` counts all joints of undetected hands as wrong.
    """
    counts, found_counts = _PckCounts(), _PckCounts()
    means, worst, curve = RunningMeans(), WorstCases(), KeypointStatistics(JOINT_COUNT, _CURVE_THRESHOLDS)
    images = 0
    for prediction in tqdm(predictions, total=len(dataset), desc="scoring", unit=" images", disable=None):
        for target in dataset.hands(prediction.index):
            images += 1
            errors = _relative_errors(prediction, target)
            curve.add(errors)
            counts.add(errors, target)
            found_counts.add(errors if prediction.found else np.full(JOINT_COUNT, np.inf), target)
            worst.add(float(errors.mean()), prediction.index)
            if prediction.handedness is not None and prediction.found is not None:
                means.add("handedness_accuracy", float(prediction.handedness == target.handedness))
                means.add("recall", float(prediction.found))
    measures = counts.pck("pck") | means.values()
    if "recall" in measures:
        measures |= found_counts.pck("found_pck")
    return Scores(dataset.title, images, measures, {"pck_all": curve.curve}, worst.sorted(), "of the box")


def _relative_errors(prediction: Prediction, target: AnnotatedHand) -> Float64Array:
    assert prediction.joints_2d is not None
    side = (target.box[2:] - target.box[:2]).max()
    return np.asarray(np.linalg.norm(prediction.joints_2d - target.joints_2d, axis=-1) / side)


class _PckCounts:
    """Numbers of correct joints and of joints, by subset, threshold and joint."""

    def __init__(self) -> None:
        self._correct = np.zeros((len(SUBSETS), len(THRESHOLDS), JOINT_COUNT), np.int64)
        self._joints = np.zeros((len(SUBSETS), 1, JOINT_COUNT), np.int64)

    def add(self, errors: Float64Array, target: AnnotatedHand) -> None:
        assert target.visibility is not None
        members = np.stack([np.ones(JOINT_COUNT, bool), target.visibility, ~target.visibility])[:, None]
        limits = np.array(list(THRESHOLDS.values()))[:, None]
        self._correct += members & (errors <= limits)
        self._joints += members

    def pck(self, prefix: str) -> dict[str, float]:
        """PCK by measure name; joints that never belong to a subset are left out of its mean."""
        with np.errstate(invalid="ignore"):
            pck = np.ma.masked_invalid(self._correct / self._joints).mean(axis=-1).filled(np.nan)
        return {
            f"{prefix}@{threshold}_{subset}": float(pck[i, j])
            for i, subset in enumerate(SUBSETS)
            for j, threshold in enumerate(THRESHOLDS)
            if np.isfinite(pck[i, j])
        }
