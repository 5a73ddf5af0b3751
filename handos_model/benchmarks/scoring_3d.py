"""Scores of FreiHAND, HO3D and DexYCB: 3D joints and vertices under the alignments that each of them knows."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from tqdm import tqdm

from handos_model.benchmarks.keypoint_statistics import KeypointStatistics
from handos_model.benchmarks.mesh_metrics import f_scores
from handos_model.benchmarks.metrics import (
    Array,
    aligned,
    best_similarity,
    distances,
    moved_to_wrist,
    officially_aligned,
    scaled_to_palm,
)
from handos_model.benchmarks.predictions import Prediction
from handos_model.benchmarks.readers.dataset import Dataset
from handos_model.benchmarks.scores import Means, Scores, WorstCases
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID, MANO_VERTEX_COUNT
from handos_model.hand.skeleton import JOINT_COUNT, WRIST
from handos_model.io.annotations import AnnotatedHand

Alignment = Callable[[Array, Array], Array]

F_THRESHOLDS: Final = {"5": 0.005, "15": 0.015}
"""Metres, by their millimetres."""


def in_camera(points: Array, target: Array) -> Array:
    """No alignment: points (N, 3) as they are."""
    return points


JOINT_ALIGNMENTS: Final[dict[str, Alignment]] = {
    "official_pa": officially_aligned,
    "pa": aligned,
    "camera": in_camera,
    "wrist": moved_to_wrist,
    "palm": scaled_to_palm,
}
MESH_ALIGNMENTS: Final[dict[str, Alignment]] = {
    name: JOINT_ALIGNMENTS[name] for name in ("official_pa", "pa", "camera")
}
EVERYWHERE: Final = ("official_pa", "pa", "camera")
"""Alignments that are measured on every benchmark."""


def score_hands(
    dataset: Dataset, predictions: Iterable[Prediction], alignments: tuple[str, ...] = EVERYWHERE
) -> Scores:
    """Compare predictions with the annotations of a data set.

    Parameters
    ----------
    dataset
        Annotated images; those without a hand do not count.
    predictions
        One per image.
    alignments
        Names from `JOINT_ALIGNMENTS`.

    Raises
    ------
    ValueError
        If no image is annotated, or a prediction holds numbers that are not finite.
    """
    totals = _Totals(alignments)
    for prediction in tqdm(predictions, total=len(dataset), desc="scoring", unit=" images", disable=None):
        for true in dataset.hands(prediction.index):
            totals.add(prediction, true)
    return totals.scores(dataset)


class _Totals:
    def __init__(self, alignments: tuple[str, ...]) -> None:
        self._joints = {name: KeypointStatistics(JOINT_COUNT) for name in alignments}
        self._meshes = {name: KeypointStatistics(MANO_VERTEX_COUNT) for name in EVERYWHERE}
        self._hands = self._comparable_meshes = 0
        self._means = Means()
        self._worst = WorstCases()

    def add(self, prediction: Prediction, true: AnnotatedHand) -> None:
        assert prediction.joints_3d is not None
        assert true.joints_3d is not None
        if not np.isfinite(prediction.joints_3d).all():
            raise ValueError(f"the joints predicted for image {prediction.index} are not finite: leave no image out")
        self._hands += 1
        joints, goal = prediction.joints_3d, true.joints_3d.astype(np.float64)
        for name, statistics in self._joints.items():
            statistics.add(distances(JOINT_ALIGNMENTS[name](joints, goal), goal))
        self._worst.add(float(1000 * distances(aligned(joints, goal), goal).mean()), prediction.index)
        self._means.add("wrist_error_mm", 1000 * float(np.linalg.norm(joints[WRIST] - goal[WRIST])))
        if prediction.handedness is not None:
            self._means.add("side_accuracy", float(prediction.handedness == true.handedness))
        if prediction.found is not None:
            self._means.add("recall", float(prediction.found))
        if prediction.vertices is not None and true.vertices is not None and true.topology_id == MANO_TOPOLOGY_ID:
            self._add_mesh(prediction.vertices, true.vertices.astype(np.float64), joints, goal)

    def _add_mesh(self, vertices: Array, true: Array, joints: Array, true_joints: Array) -> None:
        if vertices.shape == true.shape:
            self._comparable_meshes += 1
            for name, statistics in self._meshes.items():
                statistics.add(distances(JOINT_ALIGNMENTS[name](vertices, true), true))
            official = officially_aligned(vertices, true)
        else:
            official = best_similarity(joints, true_joints, may_mirror=True)(vertices)
        for name, points in (("official_pa_f@", official), ("camera_f@", vertices)):
            values = f_scores(points, true, tuple(F_THRESHOLDS.values()))
            for threshold, value in zip(F_THRESHOLDS, values, strict=True):
                self._means.add(name + threshold, value)

    def scores(self, dataset: Dataset) -> Scores:
        if not self._hands:
            raise ValueError(f"{dataset.title}: no image has an annotated hand, so that nothing can be measured")
        statistics = {f"{name}_mpjpe": values for name, values in self._joints.items()}
        if self._comparable_meshes:
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
        )
