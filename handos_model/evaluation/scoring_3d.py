"""Scores of 3D joints and meshes on FreiHAND, HO3D and DexYCB: MPJPE, MPVPE, AUC and F-score by alignment."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from tqdm import tqdm

from handos_model.datasets.annotations import AnnotatedHand
from handos_model.datasets.dataset import Dataset
from handos_model.evaluation.metrics import (
    align_palm,
    align_procrustes,
    align_procrustes_officially,
    align_wrist,
    distances,
    fit_similarity,
)
from handos_model.evaluation.prediction_log import Prediction
from handos_model.evaluation.running_statistics import KeypointStatistics, RunningMeans, WorstCases
from handos_model.evaluation.scores import Scores, nothing_annotated
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID, MANO_VERTEX_COUNT
from handos_model.hand.skeleton import JOINT_COUNT, WRIST

Alignment = Callable[[Float64Array, Float64Array], Float64Array]

F_THRESHOLDS: Final = {"5": 0.005, "15": 0.015}
"""Metres, by their names in millimetres."""


def _unaligned(points: Float64Array, target: Float64Array) -> Float64Array:
    return points


ALIGNMENTS: Final[dict[str, Alignment]] = {
    "official_pa": align_procrustes_officially,
    "pa": align_procrustes,
    "camera": _unaligned,
    "wrist": align_wrist,
    "palm": align_palm,
}
COMMON_ALIGNMENTS: Final = ("official_pa", "pa", "camera")
"""Names of the alignments that apply to joints and meshes of every data set."""


def score_3d(
    dataset: Dataset, predictions: Iterable[Prediction], alignments: tuple[str, ...] = COMMON_ALIGNMENTS
) -> Scores:
    """Compare predictions with the annotations of a data set.

    Parameters
    ----------
    dataset
        Annotated images; those without a hand do not count.
    predictions
        One per image.
    alignments
        Names from `ALIGNMENTS`, for the joints.

    Raises
    ------
    ValueError
        If no image is annotated, or a prediction contains numbers that are not finite.
    """
    totals = _Totals(alignments)
    for prediction in tqdm(predictions, total=len(dataset), desc="scoring", unit=" images", disable=None):
        for target in dataset.hands(prediction.index):
            totals.add(prediction, target)
    return totals.scores(dataset)


def f_scores(predicted: npt.ArrayLike, target: npt.ArrayLike, thresholds: tuple[float, ...]) -> tuple[float, ...]:
    """F-scores 0..1 of a point cloud (Knapitsch et al., 2017), as FreiHAND and HO3D define them.

    The harmonic mean of precision (fraction of predicted points closer than the threshold to a target point) and recall
    (fraction of target points closer than the threshold to a predicted point). No correspondence is needed.

    Parameters
    ----------
    predicted, target
        (N, 3) and (M, 3) points.
    thresholds
        Distances in the points' unit.
    """
    if not len(np.asarray(predicted)) or not len(np.asarray(target)):
        raise ValueError(f"an F-score needs points, got {len(np.asarray(predicted))} and {len(np.asarray(target))}")
    # The search need not look farther than this; distances beyond are returned as infinite.
    limit = max(thresholds)
    to_target, _ = cKDTree(target).query(predicted, distance_upper_bound=limit)
    to_predicted, _ = cKDTree(predicted).query(target, distance_upper_bound=limit)
    return tuple(_harmonic_mean(float((to_target < t).mean()), float((to_predicted < t).mean())) for t in thresholds)


def _harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b > 0 else 0.0


class _Totals:
    """Running statistics of all measures."""

    def __init__(self, alignments: tuple[str, ...]) -> None:
        self._joints = {name: KeypointStatistics(JOINT_COUNT) for name in alignments}
        self._meshes = {name: KeypointStatistics(MANO_VERTEX_COUNT) for name in COMMON_ALIGNMENTS}
        self._hands = self._compared_meshes = self._corresponding_meshes = 0
        self._means = RunningMeans()
        self._worst = WorstCases()

    def add(self, prediction: Prediction, target: AnnotatedHand) -> None:
        assert prediction.joints_3d is not None
        assert target.joints_3d is not None
        for name, points in (("joints", prediction.joints_3d), ("vertices", prediction.vertices)):
            if points is not None and not np.isfinite(points).all():
                raise ValueError(
                    f"the {name} predicted for image {prediction.index} are not finite: every image needs a prediction"
                )
        self._hands += 1
        joints, target_joints = prediction.joints_3d, target.joints_3d.astype(np.float64)
        for name, statistics in self._joints.items():
            statistics.add(distances(ALIGNMENTS[name](joints, target_joints), target_joints))
        aligned = align_procrustes(joints, target_joints)
        self._worst.add(float(1000 * distances(aligned, target_joints).mean()), prediction.index)
        self._means.add("wrist_error_mm", 1000 * float(np.linalg.norm(joints[WRIST] - target_joints[WRIST])))
        if prediction.handedness is not None:
            self._means.add("handedness_accuracy", float(prediction.handedness == target.handedness))
        if prediction.found is not None:
            self._means.add("recall", float(prediction.found))
        if prediction.vertices is not None and target.vertices is not None and target.topology_id == MANO_TOPOLOGY_ID:
            self._add_mesh(prediction.vertices, target.vertices.astype(np.float64), joints, target_joints)

    def _add_mesh(
        self, vertices: Float64Array, target: Float64Array, joints: Float64Array, target_joints: Float64Array
    ) -> None:
        self._compared_meshes += 1
        if vertices.shape == target.shape:
            self._corresponding_meshes += 1
            for name, statistics in self._meshes.items():
                statistics.add(distances(ALIGNMENTS[name](vertices, target), target))
            alignment, aligned = "official_pa", align_procrustes_officially(vertices, target)
        else:
            alignment, aligned = "joints_pa", fit_similarity(joints, target_joints)(vertices)
        for name, points in ((f"{alignment}_f@", aligned), ("camera_f@", vertices)):
            values = f_scores(points, target, tuple(F_THRESHOLDS.values()))
            for threshold, value in zip(F_THRESHOLDS, values, strict=True):
                self._means.add(name + threshold, value)

    def scores(self, dataset: Dataset) -> Scores:
        if not self._hands:
            raise nothing_annotated(dataset.title)
        statistics = {f"{name}_mpjpe": values for name, values in self._joints.items()}
        if self._corresponding_meshes:
            statistics |= {f"{name}_mpvpe": values for name, values in self._meshes.items()}
        measures = {f"{name}_mm": 1000 * values.mean for name, values in statistics.items()}
        measures |= {f"{name}_auc": values.curve.area for name, values in statistics.items()}
        return Scores(
            title=dataset.title,
            images=self._hands,
            measures=measures | self._means.values(),
            curves={name: values.curve.scaled(1000) for name, values in statistics.items()},
            error_unit="mm",
            worst=self._worst.sorted(),
            not_measured=self._not_measured(),
        )

    def _not_measured(self) -> dict[str, str]:
        if self._corresponding_meshes:
            return {}
        reason = "no image has both a predicted and an annotated mesh"
        if self._compared_meshes:
            reason = f"the predicted mesh does not have MANO's {MANO_VERTEX_COUNT} vertices"
        return dict.fromkeys(("official_pa_mpvpe", "official_pa_f@5", "official_pa_f@15"), reason)
