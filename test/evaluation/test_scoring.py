"""Metrics and scores of published data sets against independent formulas, on random and degenerate hands."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.evaluation.metrics import (
    align_palm,
    align_procrustes,
    align_procrustes_officially,
    align_wrist,
    distances,
    fit_similarity,
    mean_distance,
    pck,
    relative_pixel_errors,
)
from handos_model.evaluation.prediction_log import Prediction
from handos_model.evaluation.report import format_scores
from handos_model.evaluation.running_statistics import KeypointStatistics
from handos_model.evaluation.scores import Scores, meaning_of
from handos_model.evaluation.scoring_2d import score_2d
from handos_model.evaluation.scoring_3d import COMMON_ALIGNMENTS, f_scores, score_3d
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.mano_conventions import FROM_MANO_ORDER, MANO_TOPOLOGY_ID, TO_MANO_ORDER

RANDOM = np.random.default_rng(1)
COUNT = 6
JOINTS = RANDOM.normal((0, 0, 0.6), 0.04, (COUNT, 21, 3))
VERTICES = RANDOM.normal((0, 0, 0.6), 0.04, (COUNT, 778, 3))


def transform(points: Float64Array) -> Float64Array:
    """Translate, rotate and scale points."""
    return 1.3 * Rotation.random(random_state=5).apply(points) + (0.1, -0.2, 0.3)


DEGENERATE: dict[str, tuple[Float64Array, Float64Array]] = {
    "random": (JOINTS[0], JOINTS[1]),
    "noisy": (transform(JOINTS[0]) + RANDOM.normal(0, 0.005, (21, 3)), JOINTS[0]),
    "mirrored": (transform(JOINTS[0] * (-1, 1, 1)), JOINTS[0]),
    "in one point": (np.full((21, 3), 0.4), JOINTS[0]),
    "on a line": (np.linspace(0, 1, 21)[:, None] * (0.1, 0.2, 0.3), JOINTS[0]),
    "in a plane": (JOINTS[1] * (1, 1, 0), JOINTS[0]),
    "a kilometre large": (1e3 * JOINTS[1], JOINTS[0]),
    "identical": (JOINTS[0], JOINTS[0]),
}


def official_alignment(points: Float64Array, target: Float64Array) -> Float64Array:
    """The official scripts step by step, with SciPy's orthogonal Procrustes analysis."""
    target_mean, points_mean = target.mean(0), points.mean(0)
    target_norm = np.linalg.norm(target - target_mean) + 1e-8
    points_norm = np.linalg.norm(points - points_mean) + 1e-8
    rotation, scale = orthogonal_procrustes((target - target_mean) / target_norm, (points - points_mean) / points_norm)
    return (points - points_mean) / points_norm @ rotation.T * scale * target_norm + target_mean


@pytest.mark.parametrize("case", DEGENERATE)
def test_official_alignment_equals_scipys(case: str) -> None:
    points, target = DEGENERATE[case]
    expected = np.linalg.norm(official_alignment(points, target) - target, axis=1)
    actual = np.linalg.norm(align_procrustes_officially(points, target) - target, axis=1)
    assert actual.mean() == pytest.approx(expected.mean(), abs=1e-9)


@pytest.mark.parametrize("case", DEGENERATE)
def test_rotation_only_alignment_equals_scipys(case: str) -> None:
    points, target = DEGENERATE[case]
    centred, goal = points - points.mean(0), target - target.mean(0)
    if case in ("in one point", "on a line"):
        # The rotation is not unique.
        assert np.isfinite(align_procrustes(points, target)).all()
        return
    rotation, _ = Rotation.align_vectors(goal, centred)
    moved = rotation.apply(centred)
    expected = moved * (moved * goal).sum() / (centred**2).sum() - goal
    np.testing.assert_allclose(align_procrustes(points, target) - target, expected, atol=1e-6)


def test_a_mirrored_hand_has_no_error_by_the_official_alignment_only() -> None:
    points, target = DEGENERATE["mirrored"]
    assert np.linalg.norm(align_procrustes_officially(points, target) - target, axis=1).max() < 1e-6
    assert np.linalg.norm(align_procrustes(points, target) - target, axis=1).mean() > 0.005
    assert np.linalg.det(fit_similarity(points, target, allow_reflection=True).rotation) == pytest.approx(-1)
    assert np.linalg.det(fit_similarity(points, target).rotation) == pytest.approx(1)


def test_wrist_and_palm_alignment() -> None:
    aligned = align_wrist(JOINTS[0], JOINTS[1])
    np.testing.assert_allclose(np.diff(aligned, axis=0), np.diff(JOINTS[0], axis=0))
    np.testing.assert_allclose(aligned[0], JOINTS[1][0])
    scaled = align_palm(JOINTS[0], JOINTS[1])
    np.testing.assert_allclose(scaled[0], JOINTS[1][0])
    assert np.linalg.norm(scaled[9] - scaled[0]) == pytest.approx(np.linalg.norm(JOINTS[1][9] - JOINTS[1][0]))
    assert np.isfinite(align_palm(np.zeros((21, 3)), JOINTS[1])).all()


@pytest.mark.parametrize("noise", [0.0, 0.002, 0.01, 0.5])
def test_f_scores_equal_those_of_all_pairwise_distances(noise: float) -> None:
    target = VERTICES[0]
    predicted = target[:700] + RANDOM.normal(0, noise, (700, 3))
    between = cdist(predicted, target)
    for threshold, value in zip((0.005, 0.015), f_scores(predicted, target, (0.005, 0.015)), strict=True):
        precision, recall = (between.min(1) < threshold).mean(), (between.min(0) < threshold).mean()
        expected = 2 * precision * recall / (precision + recall) if precision + recall else 0
        assert value == pytest.approx(expected, abs=1e-12)


def test_a_distance_equal_to_the_threshold_does_not_count_in_the_f_score() -> None:
    assert f_scores([[0, 0, 0]], [[0, 0, 5]], (5.0, 5.1)) == (0, 1)


def test_running_statistics_equal_those_of_all_errors() -> None:
    errors = np.abs(RANDOM.normal(0, 0.03, (50, 21)))
    errors[0, :3] = (0.0, 0.05, 0.025)
    statistics = KeypointStatistics(21)
    for row in errors:
        statistics.add(row)
    thresholds = np.linspace(0, 0.05, 100)
    curves = np.array([[(errors[:, k] <= t).mean() for t in thresholds] for k in range(21)])
    areas = [np.trapezoid(curve, thresholds) / np.trapezoid(np.ones(100), thresholds) for curve in curves]
    assert statistics.mean == pytest.approx(np.mean([errors[:, k].mean() for k in range(21)]), abs=1e-12)
    np.testing.assert_allclose(statistics.curve.fractions, curves.mean(0), atol=1e-12)
    assert statistics.curve.area == pytest.approx(np.mean(areas), abs=1e-12)


def test_keypoints_that_are_not_counted_are_left_out_of_the_means() -> None:
    statistics = KeypointStatistics(3, np.array([0.5, 1.5]))
    assert statistics.is_empty
    for unmeasured in ("mean", "curve"):
        with pytest.raises(ValueError, match="no keypoint was counted"):
            getattr(statistics, unmeasured)
    statistics.add(np.array([1.0, 9.0, np.nan]), np.array([True, False, False]))
    statistics.add(np.array([0.0, 3.0, np.nan]), np.array([True, True, False]))
    assert statistics.mean == (0.5 + 3) / 2
    np.testing.assert_allclose(statistics.curve.fractions, [0.25, 0.5])
    with pytest.raises(ValueError, match=r"keypoints \[2\] are NaN"):
        statistics.add(np.array([0.0, 3.0, np.nan]))


METRICS_OF_POINTS = {
    "distances": distances,
    "mean distance": mean_distance,
    "Procrustes": align_procrustes,
    "official Procrustes": align_procrustes_officially,
    "errors of pixels": lambda points, target: relative_pixel_errors(points[:, :2], target[:, :2]),
}


@pytest.mark.parametrize("name", METRICS_OF_POINTS)
@given(joint=st.integers(0, 20), axis=st.integers(0, 1), value=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_metrics_refuse_points_that_are_not_finite(name: str, joint: int, axis: int, value: float) -> None:
    broken = JOINTS[0].copy()
    broken[joint, axis] = value
    for points, target, which in ((broken, JOINTS[1], "predicted"), (JOINTS[1], broken, "target")):
        with pytest.raises(ValueError, match=rf"{which} point {joint} is .*(nan|inf)"):
            METRICS_OF_POINTS[name](points, target)


@pytest.mark.parametrize("name", METRICS_OF_POINTS)
def test_metrics_refuse_points_that_do_not_correspond(name: str) -> None:
    for points, target in ((JOINTS[0][:0], JOINTS[0][:0]), (JOINTS[0][:1], JOINTS[0]), (JOINTS[0], JOINTS[0][:20])):
        with pytest.raises(ValueError, match="do not correspond"):
            METRICS_OF_POINTS[name](points, target)


def test_metrics_of_nothing_and_relative_to_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="PCK"):
        pck([], 0.1)
    with pytest.raises(ValueError, match="PCK"):
        pck([0.1, np.nan], 0.1)
    with pytest.raises(ValueError, match="in one point"):
        relative_pixel_errors(np.zeros((21, 2)), np.ones((21, 2)))
    with pytest.raises(ValueError, match="F-score"):
        f_scores(np.zeros((0, 3)), VERTICES[0], (0.005,))


def test_mano_order_and_ours_are_inverse_permutations() -> None:
    np.testing.assert_array_equal(np.arange(21)[FROM_MANO_ORDER][TO_MANO_ORDER], np.arange(21))


class Annotations:
    """A data set of hands without images."""

    title = "test data"
    annotates_every_hand = True

    def __init__(self, hands: list[tuple[AnnotatedHand, ...]]) -> None:
        self._hands = hands

    def __len__(self) -> int:
        return len(self._hands)

    def image_name(self, index: int) -> str:
        return f"{index}.jpg"

    def hands(self, index: int) -> tuple[AnnotatedHand, ...]:
        return self._hands[index]

    def __getitem__(self, index: int, /) -> AnnotatedImage:
        raise AssertionError("scoring reads no image")


def annotated(joints: Float64Array, vertices: Float64Array | None = None, **known: Any) -> tuple[AnnotatedHand, ...]:
    values: dict[str, Any] = {
        "box": np.array([10, 20, 60, 120], np.float32),
        "joints_2d": np.zeros((21, 2), np.float32),
        "handedness": "right",
        "joints_3d": joints,
        "vertices": vertices,
        "topology_id": MANO_TOPOLOGY_ID,
    }
    return (AnnotatedHand(**(values | known)),)


def scores_of(joints: Float64Array, vertices: Float64Array | None) -> Scores:
    dataset = Annotations([annotated(JOINTS[k], VERTICES[k]) for k in range(COUNT)])
    predictions = [
        Prediction(k, joints_3d=joints[k], vertices=None if vertices is None else vertices[k]) for k in range(COUNT)
    ]
    return score_3d(dataset, predictions, (*COMMON_ALIGNMENTS, "wrist", "palm"))


def test_scores_equal_the_official_ones() -> None:
    joints, vertices = JOINTS + RANDOM.normal(0, 0.01, JOINTS.shape), VERTICES + RANDOM.normal(0, 0.01, VERTICES.shape)
    measures = scores_of(joints, vertices).measures
    thresholds = np.linspace(0, 0.05, 100)
    for name, predicted, target in (("mpjpe", joints, JOINTS), ("mpvpe", vertices, VERTICES)):
        by_alignment = {
            "official_pa": [official_alignment(*pair) for pair in zip(predicted, target, strict=True)],
            "camera": list(predicted),
        }
        for alignment, points in by_alignment.items():
            errors = np.linalg.norm(np.array(points) - target, axis=-1)
            curve = (errors[None] <= thresholds[:, None, None]).mean(axis=(1, 2))
            assert measures[f"{alignment}_{name}_mm"] == pytest.approx(1000 * errors.mean(), abs=1e-6)
            assert measures[f"{alignment}_{name}_auc"] == pytest.approx(
                np.trapezoid(curve, thresholds) / 0.05, abs=1e-6
            )
    relative = (joints - joints[:, :1]) - (JOINTS - JOINTS[:, :1])
    assert measures["wrist_mpjpe_mm"] == pytest.approx(1000 * np.linalg.norm(relative, axis=-1).mean(), abs=1e-6)
    pairs = [(official_alignment(v, t), t) for v, t in zip(vertices, VERTICES, strict=True)]
    precision, recall = (np.array([(cdist(v, t).min(axis) < 0.005).mean() for v, t in pairs]) for axis in (1, 0))
    expected = (2 * precision * recall / (precision + recall)).mean()
    assert measures["official_pa_f@5"] == pytest.approx(expected, abs=1e-6)


def test_a_mirrored_hand_has_perfect_official_scores_only() -> None:
    measures = scores_of(JOINTS * (-1, 1, 1), VERTICES * (-1, 1, 1)).measures
    # The official formula adds 1e-8 m to each hand's size, which leaves millionths of a millimetre.
    assert measures["official_pa_mpjpe_mm"] == pytest.approx(0, abs=1e-4)
    assert measures["official_pa_mpvpe_mm"] == pytest.approx(0, abs=1e-4)
    assert measures["official_pa_f@5"] == 1
    assert measures["pa_mpjpe_mm"] > 5
    assert measures["pa_mpvpe_mm"] > 5


def test_meshes_of_other_topologies_are_compared_as_point_clouds_only() -> None:
    more = np.concatenate([VERTICES, VERTICES[:, :1]], axis=1)
    scores = scores_of(1.5 * JOINTS, 1.5 * more)
    assert scores.not_measured.keys() == {"official_pa_mpvpe", "official_pa_f@5", "official_pa_f@15"}
    assert not any("mpvpe" in name or name.startswith("official_pa_f") for name in scores.measures)
    assert scores.measures["joints_pa_f@5"] == 1
    assert scores.measures["camera_f@5"] < 0.5


def test_images_without_annotation_do_not_count() -> None:
    dataset = Annotations([(), annotated(JOINTS[0])])
    predictions = [Prediction(k, joints_3d=JOINTS[0] + k * np.array([0, 0, 0.001])) for k in range(2)]
    scores = score_3d(dataset, predictions)
    assert scores.images == 1
    assert scores.measures["camera_mpjpe_mm"] == pytest.approx(1)
    with pytest.raises(ValueError, match="test data"):
        score_3d(Annotations([()]), [Prediction(0, joints_3d=JOINTS[0])])


def test_joints_that_are_not_finite_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"image 0 .*finite"):
        score_3d(Annotations([annotated(JOINTS[0])]), [Prediction(0, joints_3d=np.full((21, 3), np.nan))])


def test_vertices_that_are_not_finite_are_rejected() -> None:
    vertices = np.full((778, 3), np.inf)
    with pytest.raises(ValueError, match=r"vertices .*image 0 .*finite"):
        score_3d(Annotations([annotated(JOINTS[0], VERTICES[0])]), [Prediction(0, JOINTS[0], vertices)])


def test_a_data_set_without_annotated_joints_has_no_pck() -> None:
    with pytest.raises(ValueError, match="test data: no image has an annotated hand"):
        score_2d(Annotations([()]), [Prediction(0, joints_2d=np.zeros((21, 2)))])


def test_a_subset_without_joints_is_not_measured_and_explained() -> None:
    dataset = Annotations([annotated(JOINTS[0], visibility=np.ones(21, bool))])
    scores = score_2d(dataset, [Prediction(0, joints_2d=np.zeros((21, 2)))])
    assert scores.not_measured == {"pck_occluded": "no joint is occluded"}
    assert not any(name.endswith("occluded") for name in scores.measures)
    assert "pck_occluded                  -  not measured: no joint is occluded" in format_scores(scores, [["a"]])


def test_the_worst_cases_come_first() -> None:
    dataset = Annotations([annotated(JOINTS[0]) for _ in range(30)])
    noise = RANDOM.normal(size=(21, 3))
    order = RANDOM.permutation(30)
    worst = score_3d(dataset, [Prediction(k, joints_3d=JOINTS[0] + order[k] * 1e-4 * noise) for k in range(30)]).worst
    assert [order[index] for _, index in worst] == list(range(29, 17, -1))


def test_pck_is_averaged_over_images_then_joints() -> None:
    target = RANDOM.uniform(0, 100, (8, 21, 2)).astype(np.float32)
    errors = RANDOM.uniform(0, 20, (8, 21))
    visible = RANDOM.random((8, 21)) < 0.6
    visible[:, 3] = True
    found = RANDOM.random(8) < 0.5
    dataset = Annotations([annotated(JOINTS[0], joints_2d=target[k], visibility=visible[k]) for k in range(8)])
    angles = RANDOM.uniform(0, 2 * np.pi, (8, 21))
    shifted = target + errors[..., None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    measures = score_2d(
        dataset, [Prediction(k, joints_2d=shifted[k], handedness="left", found=bool(found[k])) for k in range(8)]
    ).measures
    correct = errors <= 0.1 * 100
    assert measures["pck@.1_all"] == pytest.approx(np.mean([correct[:, j].mean() for j in range(21)]), abs=1e-9)
    fractions = [correct[visible[:, j], j].mean() for j in range(21) if visible[:, j].any()]
    assert measures["pck@.1_visible"] == pytest.approx(np.mean(fractions), abs=1e-9)
    fractions = [correct[~visible[:, j], j].mean() for j in range(21) if (~visible[:, j]).any()]
    assert measures["pck@.1_occluded"] == pytest.approx(np.mean(fractions), abs=1e-9)
    assert measures["found_pck@.1_all"] == pytest.approx((correct & found[:, None]).mean(), abs=1e-9)
    assert measures["recall"] == found.mean()
    assert measures["handedness_accuracy"] == 0


def test_every_measure_has_a_description() -> None:
    dataset = Annotations([annotated(JOINTS[0], VERTICES[0], visibility=np.arange(21) < 9)])
    prediction = Prediction(0, JOINTS[0], VERTICES[0], np.zeros((21, 2)), "right", 0.9, True)
    measures = score_3d(dataset, [prediction], (*COMMON_ALIGNMENTS, "wrist", "palm")).measures
    measures |= score_2d(dataset, [prediction]).measures
    assert len({meaning_of(name) for name in measures}) == len(measures)
