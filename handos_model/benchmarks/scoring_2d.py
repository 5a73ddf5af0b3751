"""Scores of HInt: PCK of 2D joints, all, visible and occluded ones."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from tqdm import tqdm

from handos_model.benchmarks.keypoint_statistics import KeypointStatistics
from handos_model.benchmarks.metrics import Array
from handos_model.benchmarks.predictions import Prediction
from handos_model.benchmarks.readers.dataset import Dataset
from handos_model.benchmarks.scores import Means, Scores, WorstCases
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.io.annotations import AnnotatedHand

THRESHOLDS: Final = {".05": 0.05, ".1": 0.10, ".15": 0.15}
"""Parts of the longest side of the annotated box, by their names in papers."""
SUBSETS: Final = ("all", "visible", "occluded")
_CURVE: Final = np.linspace(0.0, 0.3, 61)


def score_joints_2d(dataset: Dataset, predictions: Iterable[Prediction]) -> Scores:
    """PCK as HInt's authors define it: share of each joint over the images, then the mean over the joints.

    A joint is right where it is within a part of the longest side of the annotated box. Where predictions say whether
    the hand was found, ``found_pck`` counts all joints of hands that were not as wrong.
    """
    counts, found_counts = _Counts(), _Counts()
    means, worst, curve = Means(), WorstCases(), KeypointStatistics(JOINT_COUNT, _CURVE)
    images = 0
    for prediction in tqdm(predictions, total=len(dataset), desc="scoring", unit=" images", disable=None):
        for true in dataset.hands(prediction.index):
            images += 1
            errors = _relative_errors(prediction, true)
            curve.add(errors)
            counts.add(errors, true)
            found_counts.add(errors if prediction.found else np.full(JOINT_COUNT, np.inf), true)
            worst.add(float(errors.mean()), prediction.index)
            if prediction.handedness is not None and prediction.found is not None:
                means.add("side_accuracy", float(prediction.handedness == true.handedness))
                means.add("recall", float(prediction.found))
    measures = counts.shares("pck") | means.values()
    if "recall" in measures:
        measures |= found_counts.shares("found_pck")
    return Scores(dataset.title, images, measures, {"pck_all": curve.curve}, worst.sorted(), "of the box")


def _relative_errors(prediction: Prediction, true: AnnotatedHand) -> Array:
    assert prediction.joints_2d is not None
    side = (true.box[2:] - true.box[:2]).max()
    return np.asarray(np.linalg.norm(prediction.joints_2d - true.joints_2d, axis=-1) / side)


class _Counts:
    """Right joints and joints, by subset, threshold and joint."""

    def __init__(self) -> None:
        self._right = np.zeros((len(SUBSETS), len(THRESHOLDS), JOINT_COUNT), np.int64)
        self._joints = np.zeros((len(SUBSETS), 1, JOINT_COUNT), np.int64)

    def add(self, errors: Array, true: AnnotatedHand) -> None:
        assert true.visibility is not None
        members = np.stack([np.ones(JOINT_COUNT, bool), true.visibility, ~true.visibility])[:, None]
        limits = np.array(list(THRESHOLDS.values()))[:, None]
        self._right += members & (errors <= limits)
        self._joints += members

    def shares(self, prefix: str) -> dict[str, float]:
        """A joint that never belongs to a subset does not count in its mean."""
        with np.errstate(invalid="ignore"):
            shares = np.ma.masked_invalid(self._right / self._joints).mean(axis=-1).filled(np.nan)
        return {
            f"{prefix}@{threshold}_{subset}": float(shares[i, j])
            for i, subset in enumerate(SUBSETS)
            for j, threshold in enumerate(THRESHOLDS)
            if np.isfinite(shares[i, j])
        }
