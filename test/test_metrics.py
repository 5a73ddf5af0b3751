"""The measures of the evaluation, against independent formulas and cases whose answer is known."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from handos_model.benchmarks.evaluation import MEASURES, Evaluation, evaluate
from handos_model.benchmarks.matching import box_overlaps, match_boxes
from handos_model.benchmarks.metrics import aligned, mean_distance, percentage_correct, relative_pixel_errors
from handos_model.benchmarks.report import table_of, write_report
from handos_model.benchmarks.samples import read_samples
from handos_model.hand.hand import Hand
from handos_model.io.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.io.frame import CameraIntrinsics
from handos_model.io.overlay_files import write_image

IMAGE = np.zeros((480, 640, 3), np.uint8)
CAMERA = CameraIntrinsics(600, 600, 320, 240)
RANDOM = np.random.default_rng(0)
JOINTS_2D = RANDOM.uniform((200, 100), (300, 220), (21, 2)).astype(np.float32)
JOINTS_3D = RANDOM.normal((0, 0, 0.5), 0.05, (21, 3)).astype(np.float32)
VERTICES = RANDOM.normal((0, 0, 0.5), 0.05, (778, 3)).astype(np.float32)

FOUND = Hand(
    score=0.9,
    box=box_around_joints(JOINTS_2D, 640, 480),
    handedness="right",
    handedness_score=1.0,
    joints_2d=JOINTS_2D,
    joint_scores=np.ones(21, np.float32),
    joints_3d=JOINTS_3D,
    joint_sigma=None,
    vertices=VERTICES,
)
TRUE = AnnotatedHand(
    box=box_around_joints(JOINTS_2D, 640, 480),
    joints_2d=JOINTS_2D,
    handedness="right",
    joints_3d=JOINTS_3D,
    vertices=VERTICES,
)


def compare(found: tuple[Hand, ...], true: tuple[AnnotatedHand, ...], camera: Any = CAMERA) -> Evaluation:
    return evaluate([(AnnotatedImage(IMAGE, true, camera), found)])


def test_overlap_of_boxes_is_intersection_over_union() -> None:
    overlaps = box_overlaps([[0, 0, 10, 10], [20, 20, 30, 30]], [[0, 0, 10, 10], [5, 0, 15, 10], [0, 0, 5, 5]])
    np.testing.assert_allclose(overlaps, [[1, 1 / 3, 0.25], [0, 0, 0]])


def test_each_hand_is_matched_once_and_with_its_best() -> None:
    found = [[0, 0, 10, 9], [0, 0, 10, 10], [100, 100, 110, 110]]
    true = [[100, 100, 110, 112], [0, 0, 10, 10], [50, 50, 60, 60]]
    assert sorted(match_boxes(found, true)) == [(1, 1), (2, 0)]


def test_boxes_that_hardly_overlap_are_no_match() -> None:
    assert match_boxes([[0, 0, 10, 10]], [[6, 0, 16, 10]]) == []
    assert match_boxes([], [[0, 0, 1, 1]]) == []
    assert match_boxes([[0, 0, 1, 1]], []) == []


def test_pixel_errors_are_relative_to_the_longest_side() -> None:
    true = np.array([[0, 0], [40, 0], [40, 100]])
    np.testing.assert_allclose(relative_pixel_errors(true + np.array([3, 4]), true), [0.05] * 3)


def test_percentage_correct_counts_joints_within_the_threshold() -> None:
    assert percentage_correct([0.01, 0.05, 0.051, 0.3], 0.05) == 0.5


def test_alignment_undoes_moving_turning_and_scaling() -> None:
    turned = 1.7 * Rotation.random(random_state=0).apply(JOINTS_3D) + (1, 2, 3)
    np.testing.assert_allclose(aligned(turned, JOINTS_3D), JOINTS_3D, atol=1e-6)


def test_alignment_does_not_mirror() -> None:
    mirrored = JOINTS_3D * (-1, 1, 1)
    assert mean_distance(aligned(mirrored, JOINTS_3D), JOINTS_3D) > 0.01


@pytest.mark.parametrize("mirror", [1, -1])
def test_alignment_is_the_best_there_is(mirror: int) -> None:
    points = (JOINTS_3D + RANDOM.normal(0, 0.02, (21, 3))) * (mirror, 1, 1)

    def squared_error(parameters: np.ndarray) -> float:
        moved = np.exp(parameters[0]) * Rotation.from_rotvec(parameters[1:4]).apply(points) + parameters[4:]
        return float(1e4 * ((moved - JOINTS_3D) ** 2).sum())

    starts = [np.array([0, *Rotation.random(random_state=k).as_rotvec(), 0, 0, 0.5]) for k in range(8)]
    best = min(minimize(squared_error, start).fun for start in starts)
    assert 1e4 * ((aligned(points, JOINTS_3D) - JOINTS_3D) ** 2).sum() == pytest.approx(best, rel=1e-3)


def test_of_hands_in_plain_sight_neither_hidden_nor_small_ones_count() -> None:
    seen = replace(TRUE, visibility=np.arange(21) < 13)
    hidden = replace(TRUE, visibility=np.arange(21) < 12, box=np.array([400, 300, 500, 400], np.float32))
    small = replace(seen, box=np.array([0, 0, 79, 40], np.float32))
    for other in (hidden, small):
        evaluation = compare((FOUND,), (seen, other))
        assert (evaluation.box_recall, evaluation.box_recall_in_sight) == (0.5, 1)
        assert np.isnan(compare((FOUND,), (other,)).box_recall_in_sight)
    assert compare((), (seen,)).box_recall_in_sight == 0
    assert np.isnan(compare((FOUND,), (TRUE,)).box_recall_in_sight)


def test_perfect_hands_are_perfect() -> None:
    evaluation = compare((FOUND,), (TRUE,))
    assert (evaluation.recall, evaluation.false_hands_per_image) == (1, 0)
    assert (evaluation.box_recall, evaluation.box_precision) == (1, 1)
    assert set(evaluation.measures) == set(MEASURES)
    for name, value in evaluation.measures.items():
        assert value == pytest.approx(1 if name.startswith("pck") or name == "side_accuracy" else 0, abs=1e-3)


def test_a_hand_at_a_wrong_distance_is_wrong_in_the_camera_only() -> None:
    moved = replace(FOUND, joints_3d=JOINTS_3D + np.array([0, 0, 0.1], np.float32))
    measures = compare((moved,), (TRUE,)).measures
    assert measures["mpjpe_mm"] == pytest.approx(100, abs=0.01)
    assert measures["wrist_error_mm"] == pytest.approx(100, abs=0.01)
    assert measures["wrist_error"] == pytest.approx(0.1 / np.linalg.norm(JOINTS_3D[0]), rel=1e-3)
    assert measures["palm_error"] == pytest.approx(0, abs=1e-3)
    assert measures["root_mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert measures["pa_mpjpe_mm"] == pytest.approx(0, abs=0.01)


def test_a_hand_of_a_wrong_size_has_the_right_shape_only() -> None:
    root = JOINTS_3D[9]
    larger = replace(FOUND, joints_3d=(JOINTS_3D - root) * np.float32(1.1) + root)
    measures = compare((larger,), (TRUE,)).measures
    assert measures["palm_error"] == pytest.approx(0.1, abs=1e-3)
    assert measures["root_mpjpe_mm"] == pytest.approx(100 * np.linalg.norm(JOINTS_3D - root, axis=1).mean(), rel=1e-3)
    assert measures["pa_mpjpe_mm"] == pytest.approx(0, abs=0.01)


def test_without_intrinsics_nothing_is_said_about_the_camera_frame() -> None:
    measures = compare((FOUND,), (TRUE,), camera=None).measures
    assert "mpjpe_mm" not in measures
    assert "pa_mpjpe_mm" in measures


def test_a_wrong_side_counts_against_the_side_only() -> None:
    measures = compare((replace(FOUND, handedness="left"),), (TRUE,)).measures
    assert measures["side_accuracy"] == 0
    assert measures["pck@.05"] == 1


def test_missed_and_false_hands_are_counted() -> None:
    elsewhere = replace(FOUND, joints_2d=JOINTS_2D + 300)
    other = replace(TRUE, joints_2d=JOINTS_2D - 100)
    evaluation = compare((FOUND, elsewhere), (TRUE, other))
    assert evaluation.recall == 0.5
    assert evaluation.false_hands_per_image == 1


def test_boxes_count_by_themselves_where_joints_are_wrong() -> None:
    elsewhere = replace(FOUND, box=FOUND.box + 300)
    evaluation = compare((replace(FOUND, joints_2d=JOINTS_2D + 300), elsewhere), (TRUE,))
    assert evaluation.box_recall == 1
    assert evaluation.box_precision == 0.5


def test_pictures_without_hands_measure_false_hands_only() -> None:
    evaluation = compare((FOUND,), ())
    assert np.isnan(evaluation.recall)
    assert np.isnan(evaluation.box_recall)
    assert evaluation.box_precision == 0
    assert evaluation.false_hands_per_image == 1
    assert evaluation.measures == {}


def test_report_is_a_table_and_json(tmp_path: Path) -> None:
    evaluation = compare((FOUND,), (TRUE,))
    write_report(evaluation, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["measures"]["pck@.1"] == 1
    assert "pck@.1                  1.000" in table_of(evaluation)


def test_report_of_pictures_without_hands_is_json_too(tmp_path: Path) -> None:
    write_report(compare((), ()), tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["recall"] is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hand = {
        "joints_2d": JOINTS_2D.tolist(),
        "joints_3d_m_hand_centred": JOINTS_3D.tolist(),
        "handedness": "left",
        "score": 1,
    }
    annotations = {
        "a.png": {"size": [640, 480], "hands": [hand], "source": "lab"},
        "b.png": {"size": [640, 480], "hands": [], "source": "crop:street", "negative": True},
        "c.png": {"size": [640, 480], "hands": [], "source": "street", "unlabelled": True},
    }
    (tmp_path / "labels.json").write_text(json.dumps(annotations))
    for name in annotations:
        write_image(tmp_path / name, IMAGE)
    return tmp_path


def test_annotated_pictures_are_read_and_unlabelled_ones_left_out(folder: Path) -> None:
    samples = read_samples(folder, folder / "labels.json")
    with_hand, without = samples
    assert len(samples) == 2
    assert without.hands == ()
    assert with_hand.camera is None
    (hand,) = with_hand.hands
    assert hand.handedness == "left"
    np.testing.assert_array_equal(hand.joints_2d, JOINTS_2D)
    np.testing.assert_array_equal(hand.joints_3d, JOINTS_3D)


@pytest.mark.parametrize(("collection", "hands"), [("lab", 1), ("street", 0)])
def test_collections_can_be_chosen(folder: Path, collection: str, hands: int) -> None:
    (sample,) = read_samples(folder, folder / "labels.json", [collection])
    assert len(sample.hands) == hands


def test_an_unknown_collection_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="annotates no picture of moon"):
        read_samples(folder, folder / "labels.json", ["moon"])


def test_a_missing_reference_is_named(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.json does not exist"):
        read_samples(folder, folder / "gone.json")


@pytest.mark.parametrize("text", ["", "[]", '{"a.png": 3}', "{}"])
def test_a_reference_with_something_else_is_refused(folder: Path, text: str) -> None:
    (folder / "labels.json").write_text(text)
    with pytest.raises(ValueError, match=r"labels\.json"):
        read_samples(folder, folder / "labels.json")


def test_pictures_of_another_size_are_refused(folder: Path) -> None:
    write_image(folder / "a.png", IMAGE[:100])
    with pytest.raises(ValueError, match=r"a\.png has 640 x 100 pixels.*\[640, 480\]"):
        list(read_samples(folder, folder / "labels.json"))
