"""Measures of the evaluation on images, against independent formulas and cases with known results."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.evaluation.image_evaluation import MEASURES, ImageEvaluation, evaluate_images
from handos_model.evaluation.matching import match_boxes, pairwise_iou
from handos_model.evaluation.metrics import align_procrustes, mean_distance, pck, relative_pixel_errors
from handos_model.evaluation.report import format_image_evaluation, write_image_evaluation
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand, MetricHand

IMAGE = np.zeros((480, 640, 3), np.uint8)
CAMERA = CameraIntrinsics(600, 600, 320, 240)
RANDOM = np.random.default_rng(0)
JOINTS_2D = RANDOM.uniform((200, 100), (300, 220), (21, 2)).astype(np.float32)
JOINTS_3D = RANDOM.normal((0, 0, 0.5), 0.05, (21, 3)).astype(np.float32)
VERTICES = RANDOM.normal((0, 0, 0.5), 0.05, (778, 3)).astype(np.float32)

PREDICTED = Hand(
    score=0.9,
    box=box_around_joints(JOINTS_2D, 640, 480),
    handedness="right",
    handedness_score=1.0,
    joints_2d=JOINTS_2D,
    joint_scores=np.ones(21, np.float32),
    metric=MetricHand(JOINTS_3D, np.full(21, np.nan, np.float32), VERTICES),
)
TARGET = AnnotatedHand(
    box=box_around_joints(JOINTS_2D, 640, 480),
    joints_2d=JOINTS_2D,
    handedness="right",
    joints_3d=JOINTS_3D,
    vertices=VERTICES,
)


def with_joints_3d(joints_3d: np.ndarray) -> Hand:
    assert PREDICTED.metric is not None
    return replace(PREDICTED, metric=replace(PREDICTED.metric, joints_3d=joints_3d))


def compare(predicted: tuple[Hand, ...], target: tuple[AnnotatedHand, ...], camera: Any = CAMERA) -> ImageEvaluation:
    return evaluate_images([(AnnotatedImage(IMAGE, target, camera), predicted)])


def test_iou_of_boxes() -> None:
    overlaps = pairwise_iou([[0, 0, 10, 10], [20, 20, 30, 30]], [[0, 0, 10, 10], [5, 0, 15, 10], [0, 0, 5, 5]])
    np.testing.assert_allclose(overlaps, [[1, 1 / 3, 0.25], [0, 0, 0]])


def test_each_hand_is_matched_once_with_its_largest_overlap() -> None:
    predicted = [[0, 0, 10, 9], [0, 0, 10, 10], [100, 100, 110, 110]]
    target = [[100, 100, 110, 112], [0, 0, 10, 10], [50, 50, 60, 60]]
    assert sorted(match_boxes(predicted, target)) == [(1, 1), (2, 0)]


def test_boxes_with_little_overlap_do_not_match() -> None:
    assert match_boxes([[0, 0, 10, 10]], [[6, 0, 16, 10]]) == []
    assert match_boxes([], [[0, 0, 1, 1]]) == []
    assert match_boxes([[0, 0, 1, 1]], []) == []


def test_pixel_errors_are_relative_to_the_longest_side() -> None:
    target = np.array([[0, 0], [40, 0], [40, 100]])
    np.testing.assert_allclose(relative_pixel_errors(target + np.array([3, 4]), target), [0.05] * 3)


def test_pck_counts_joints_within_the_threshold() -> None:
    assert pck([0.01, 0.05, 0.051, 0.3], 0.05) == 0.5


def test_alignment_undoes_translation_rotation_and_scale() -> None:
    transformed = 1.7 * Rotation.random(random_state=0).apply(JOINTS_3D) + (1, 2, 3)
    np.testing.assert_allclose(align_procrustes(transformed, JOINTS_3D), JOINTS_3D, atol=1e-6)


def test_alignment_does_not_reflect() -> None:
    mirrored = JOINTS_3D * (-1, 1, 1)
    assert mean_distance(align_procrustes(mirrored, JOINTS_3D), JOINTS_3D) > 0.01


@pytest.mark.parametrize("mirror", [1, -1])
def test_alignment_is_the_least_squares_optimum(mirror: int) -> None:
    points = (JOINTS_3D + RANDOM.normal(0, 0.02, (21, 3))) * (mirror, 1, 1)

    def squared_error(parameters: np.ndarray) -> float:
        moved = np.exp(parameters[0]) * Rotation.from_rotvec(parameters[1:4]).apply(points) + parameters[4:]
        return float(1e4 * ((moved - JOINTS_3D) ** 2).sum())

    starts = [np.array([0, *Rotation.random(random_state=k).as_rotvec(), 0, 0, 0.5]) for k in range(8)]
    best = min(minimize(squared_error, start).fun for start in starts)
    assert 1e4 * ((align_procrustes(points, JOINTS_3D) - JOINTS_3D) ** 2).sum() == pytest.approx(best, rel=1e-3)


def test_hidden_and_small_hands_are_not_in_plain_sight() -> None:
    visible = replace(TARGET, visibility=np.arange(21) < 13)
    hidden = replace(TARGET, visibility=np.arange(21) < 12, box=np.array([400, 300, 500, 400], np.float32))
    small = replace(visible, box=np.array([0, 0, 79, 40], np.float32))
    for other in (hidden, small):
        evaluation = compare((PREDICTED,), (visible, other))
        assert (evaluation.box_recall, evaluation.box_recall_in_sight) == (0.5, 1)
        assert compare((PREDICTED,), (other,)).box_recall_in_sight is None
    assert compare((), (visible,)).box_recall_in_sight == 0
    assert compare((PREDICTED,), (TARGET,)).box_recall_in_sight is None


def test_perfect_hands_have_perfect_measures() -> None:
    evaluation = compare((PREDICTED,), (TARGET,))
    assert (evaluation.recall, evaluation.false_hands_per_image) == (1, 0)
    assert (evaluation.box_recall, evaluation.box_precision) == (1, 1)
    assert set(evaluation.measures) == set(MEASURES)
    for name, value in evaluation.measures.items():
        assert value == pytest.approx(1 if name.startswith("pck") or name == "handedness_accuracy" else 0, abs=1e-3)


def test_a_wrong_distance_counts_in_the_camera_frame_only() -> None:
    moved = with_joints_3d(JOINTS_3D + np.array([0, 0, 0.1], np.float32))
    measures = compare((moved,), (TARGET,)).measures
    assert measures["mpjpe_mm"] == pytest.approx(100, abs=0.01)
    assert measures["wrist_error_mm"] == pytest.approx(100, abs=0.01)
    assert measures["wrist_error"] == pytest.approx(0.1 / np.linalg.norm(JOINTS_3D[0]), rel=1e-3)
    assert measures["palm_error"] == pytest.approx(0, abs=1e-3)
    assert measures["root_mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert measures["pa_mpjpe_mm"] == pytest.approx(0, abs=0.01)


def test_a_wrong_size_does_not_count_after_alignment() -> None:
    root = JOINTS_3D[9]
    larger = with_joints_3d((JOINTS_3D - root) * np.float32(1.1) + root)
    measures = compare((larger,), (TARGET,)).measures
    assert measures["palm_error"] == pytest.approx(0.1, abs=1e-3)
    assert measures["root_mpjpe_mm"] == pytest.approx(100 * np.linalg.norm(JOINTS_3D - root, axis=1).mean(), rel=1e-3)
    assert measures["pa_mpjpe_mm"] == pytest.approx(0, abs=0.01)


def test_without_intrinsics_nothing_is_measured_in_the_camera_frame() -> None:
    measures = compare((PREDICTED,), (TARGET,), camera=None).measures
    assert "mpjpe_mm" not in measures
    assert "pa_mpjpe_mm" in measures


def test_wrong_handedness_counts_in_handedness_accuracy_only() -> None:
    measures = compare((replace(PREDICTED, handedness="left"),), (TARGET,)).measures
    assert measures["handedness_accuracy"] == 0
    assert measures["pck@.05"] == 1


def test_missed_and_false_hands_are_counted() -> None:
    elsewhere = replace(PREDICTED, joints_2d=JOINTS_2D + 300)
    other = replace(TARGET, joints_2d=JOINTS_2D - 100)
    evaluation = compare((PREDICTED, elsewhere), (TARGET, other))
    assert evaluation.recall == 0.5
    assert evaluation.false_hands_per_image == 1


def test_boxes_are_matched_even_if_joints_are_wrong() -> None:
    elsewhere = replace(PREDICTED, box=PREDICTED.box + 300)
    evaluation = compare((replace(PREDICTED, joints_2d=JOINTS_2D + 300), elsewhere), (TARGET,))
    assert evaluation.box_recall == 1
    assert evaluation.box_precision == 0.5


def test_images_without_hands_measure_false_hands_only() -> None:
    evaluation = compare((PREDICTED,), ())
    assert evaluation.recall is None
    assert evaluation.box_recall is None
    assert evaluation.box_precision == 0
    assert evaluation.false_hands_per_image == 1
    assert evaluation.measures == {}


def test_report_is_a_table_and_json(tmp_path: Path) -> None:
    evaluation = compare((PREDICTED,), (TARGET,))
    write_image_evaluation(evaluation, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["measures"]["pck@.1"] == 1
    assert "pck@.1                  1.000" in format_image_evaluation(evaluation)


def test_reports_say_why_something_was_not_measured_and_have_no_nan() -> None:
    for evaluation in (evaluate_images([]), compare((), ()), compare((PREDICTED,), ()), compare((), (TARGET,))):
        text = format_image_evaluation(evaluation)
        assert "nan" not in text
        assert "errors                      -  not measured: no predicted hand matches an annotated one" in text
    text = format_image_evaluation(evaluate_images([]))
    assert "false hands                 -  not measured: no images" in text
    assert "recall                      -  not measured: no hand is annotated" in text
    assert "box precision               -  not measured: no hand is predicted" in text
    text = format_image_evaluation(compare((PREDICTED,), (replace(TARGET, vertices=None),)))
    assert re.search(r"others +-  not measured: pa_mpvpe_mm: .* not annotated", text)


@pytest.mark.parametrize("field", ["joints_2d", "joints_3d", "vertices", "box"])
def test_annotations_that_are_not_finite_are_named_by_image(field: str) -> None:
    values = getattr(TARGET, field).copy()
    values[0] = np.nan
    with pytest.raises(ValueError, match=r"image 0 .*nan"):
        compare((PREDICTED,), (replace(TARGET, **{field: values}),))


def test_annotations_without_size_are_named_by_image() -> None:
    joints = JOINTS_3D.copy()
    joints[9] = joints[0]
    with pytest.raises(ValueError, match=r"image 0 .*middle knuckle"):
        compare((PREDICTED,), (replace(TARGET, joints_3d=joints),))


def test_report_of_images_without_hands_is_valid_json(tmp_path: Path) -> None:
    write_image_evaluation(compare((), ()), tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["recall"] is None
