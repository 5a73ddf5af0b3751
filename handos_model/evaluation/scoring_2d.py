"""Scores of 2D joints on HInt: PCK of all, visible and occluded joints."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from handos_model.datasets.annotations import AnnotatedHand
from handos_model.datasets.dataset import Dataset
from handos_model.evaluation.prediction_log import Prediction
from handos_model.evaluation.running_statistics import KeypointStatistics, RunningMeans, WorstCases
from handos_model.evaluation.scores import Scores, nothing_annotated
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import JOINT_COUNT

THRESHOLDS: Final = {".05": 0.05, ".1": 0.10, ".15": 0.15}
"""Fractions of the longest side of the annotated box, by their names in papers."""
SUBSETS: Final = ("all", "visible", "occluded")
_CURVE_THRESHOLDS: Final = np.linspace(0.0, 0.3, 61)


def score_2d(dataset: Dataset, predictions: Iterable[Prediction]) -> Scores:
    """Compute PCK as HInt's authors do: per joint over the images, then averaged over the joints.

    A joint is correct if its error is at most a fraction of the longest side of the annotated box; joints without
    annotation do not count. If predictions tell whether the hand was detected, ``found_pck`` counts all joints of
    undetected hands as wrong.
    """
    totals = _Totals()
    for prediction in tqdm(predictions, total=len(dataset), desc="scoring", unit=" images", disable=None):
        for target in dataset.hands(prediction.index):
            totals.add(prediction, target)
    return totals.scores(dataset)


def _relative_errors(prediction: Prediction, target: AnnotatedHand) -> Float64Array:
    assert prediction.joints_2d is not None
    side = (target.box[2:] - target.box[:2]).max()
    return np.asarray(np.linalg.norm(prediction.joints_2d - target.joints_2d, axis=-1) / side)


class _Totals:
    """Running statistics of all measures."""

    def __init__(self) -> None:
        self._images = 0
        self._pck, self._found_pck = _SubsetPck(), _SubsetPck()
        self._curve = KeypointStatistics(JOINT_COUNT, _CURVE_THRESHOLDS)
        self._means, self._worst = RunningMeans(), WorstCases()

    def add(self, prediction: Prediction, target: AnnotatedHand) -> None:
        self._images += 1
        errors, counted = _relative_errors(prediction, target), _annotated_joints(target)
        self._curve.add(errors, counted)
        self._pck.add(errors, counted, target)
        self._found_pck.add(errors if prediction.found else np.full(JOINT_COUNT, np.inf), counted, target)
        self._worst.add(float(errors[counted].mean()), prediction.index)
        if prediction.handedness is not None and prediction.found is not None:
            self._means.add("handedness_accuracy", float(prediction.handedness == target.handedness))
            self._means.add("recall", float(prediction.found))

    def scores(self, dataset: Dataset) -> Scores:
        if not self._images:
            raise nothing_annotated(dataset.title)
        measures = self._pck.measures("pck") | self._means.values()
        if "recall" in measures:
            measures |= self._found_pck.measures("found_pck")
        return Scores(
            title=dataset.title,
            images=self._images,
            measures=measures,
            curves={"pck_all": self._curve.curve},
            worst=self._worst.sorted(),
            error_unit="of the box",
            not_measured={f"pck_{name}": f"no joint is {name}" for name in self._pck.empty_subsets()},
        )


def _annotated_joints(target: AnnotatedHand) -> npt.NDArray[np.bool_]:
    return np.ones(JOINT_COUNT, bool) if target.annotated_joints is None else target.annotated_joints


class _SubsetPck:
    """PCK of all, visible and occluded joints."""

    def __init__(self) -> None:
        limits = np.array(list(THRESHOLDS.values()))
        self._statistics = {subset: KeypointStatistics(JOINT_COUNT, limits) for subset in SUBSETS}

    def add(self, errors: Float64Array, counted: npt.NDArray[np.bool_], target: AnnotatedHand) -> None:
        assert target.visibility is not None
        members = {"all": counted, "visible": counted & target.visibility, "occluded": counted & ~target.visibility}
        for subset, statistics in self._statistics.items():
            statistics.add(errors, members[subset])

    def empty_subsets(self) -> list[str]:
        return [subset for subset, statistics in self._statistics.items() if statistics.is_empty]

    def measures(self, prefix: str) -> dict[str, float]:
        """PCK by measure name, of the subsets that have members."""
        return {
            f"{prefix}@{threshold}_{subset}": float(fraction)
            for subset, statistics in self._statistics.items()
            if not statistics.is_empty
            for threshold, fraction in zip(THRESHOLDS, statistics.curve.fractions, strict=True)
        }
