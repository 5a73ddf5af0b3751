"""`handos eval freihand|ho3d|dexycb|hint` as a user runs it, on small data sets and a network with a fixed output."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import handos
from dataset_folders import (
    TO_HO3D_ORDER,
    GroundTruth,
    random_hands,
    write_dexycb,
    write_freihand,
    write_grey_image,
    write_hint,
    write_ho3d,
)
from evaluated_network import CAMERA, SMALL_CAMERA, measures_in, predicted_hands
from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph

from handos_model.evaluation.ground_truth_crop import crop_around
from handos_model.geometry.projection import project
from handos_model.hand.hand import Hand
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID
from handos_model.hand.topology import HandTopology

TOPOLOGY = HandTopology.load()


def ground_truth_of(hand: Hand) -> GroundTruth:
    """Annotations equal to the hand; the vertices are MANO's by their number only."""
    assert hand.joints_3d is not None
    assert hand.vertices is not None
    return hand.joints_3d.astype(np.float64), hand.vertices.astype(np.float64)


def test_freihand_from_weights_to_report(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, _ = predicted_hands(weights, 224, 224, SMALL_CAMERA)
    data = write_freihand(tmp_path / "data", "evaluation", [ground_truth_of(right)] * 3, SMALL_CAMERA)
    out = tmp_path / "out"
    assert handos("eval", "freihand", "--data", data, "--weights", weights, "--out", out, monkeypatch=monkeypatch) == 0

    measures = measures_in(out)
    assert measures["official_pa_mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert measures["camera_mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert measures["official_pa_mpjpe_auc"] == pytest.approx(1, abs=0.01)
    assert measures["joints_pa_f@5"] == pytest.approx(1, abs=0.001)
    assert (measures["handedness_accuracy"], measures["recall"]) == (1, 1)
    # The network's mesh is not MANO's, so the official scripts have no number for its vertices.
    absent = json.loads((out / "scores.json").read_text())["not_measured"]
    for name in ("official_pa_mpvpe", "official_pa_f@5", "official_pa_f@15"):
        assert not any(measure.startswith(name) for measure in measures)
        assert "MANO" in absent[name]

    joints, vertices = json.loads((out / "pred.json").read_text())
    assert (np.shape(joints), np.shape(vertices)) == ((3, 21, 3), (3, TOPOLOGY.vertex_count + 1, 3))
    np.testing.assert_allclose(joints[0], right.joints_3d, atol=1e-6)
    np.testing.assert_allclose(vertices[0][:-1], right.vertices, atol=1e-6)

    printed = capsys.readouterr().out
    assert "official_pa_mpjpe_mm" in printed
    assert "HandOS (Chen et al., CVPR 2025)" in printed
    assert {path.name for path in out.iterdir()} == {
        "predictions.jsonl",
        "pred.json",
        "pred.zip",
        "scores.json",
        "report.html",
    }


def test_the_report_opens_offline_and_shows_curves_and_worst_cases(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_freihand(tmp_path / "data", "evaluation", random_hands(3), SMALL_CAMERA)
    out = tmp_path / "out"
    assert handos("eval", "freihand", "--data", data, "--weights", weights, "--out", out, monkeypatch=monkeypatch) == 0
    page = (out / "report.html").read_text()
    for external in ("<script", "<link", "src='http", 'src="http', "@import", "url(http"):
        assert external not in page
    assert "<svg" in page
    assert "camera_mpjpe, AUC" in page
    assert page.count("src='data:image/jpeg;base64,") == 3
    assert "evaluation/rgb/00000002.jpg" in page


def test_weights_with_manos_mesh_are_compared_vertex_by_vertex_with_the_data_sets_fingertips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mano = replace(TOPOLOGY, id=MANO_TOPOLOGY_ID)
    monkeypatch.setattr(HandTopology, "load", lambda: mano)
    weights = write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(mano), metadata(mano.id))
    right, _ = predicted_hands(weights, 224, 224, SMALL_CAMERA)
    joints, vertices = ground_truth_of(right)
    joints[[4, 8, 12, 16, 20]] = vertices[[744, 320, 443, 555, 672]]
    data = write_freihand(tmp_path / "data", "evaluation", [(joints, vertices)], SMALL_CAMERA)
    out = tmp_path / "out"
    assert handos("eval", "freihand", "--data", data, "--weights", weights, "--out", out, monkeypatch=monkeypatch) == 0
    measures = measures_in(out)
    for name in ("official_pa_mpjpe_mm", "official_pa_mpvpe_mm", "pa_mpvpe_mm", "camera_mpjpe_mm", "camera_mpvpe_mm"):
        assert measures[name] == pytest.approx(0, abs=0.01)
    assert np.shape(json.loads((out / "pred.json").read_text())[1]) == (1, 778, 3)


def test_a_hand_below_the_recommended_score_is_predicted_but_not_detected(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, _ = predicted_hands(weights, 224, 224, SMALL_CAMERA)
    # All scores are 0 in a black image.
    data = write_freihand(tmp_path / "data", "evaluation", [ground_truth_of(right)] * 2, SMALL_CAMERA, level=0)
    out = tmp_path / "out"
    assert handos("eval", "freihand", "--data", data, "--weights", weights, "--out", out, monkeypatch=monkeypatch) == 0
    assert measures_in(out)["recall"] == 0
    assert measures_in(out)["official_pa_mpjpe_mm"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_ho3d_is_written_in_its_axes_and_joint_order(
    version: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, _ = predicted_hands(weights, 640, 480, CAMERA)
    data = write_ho3d(tmp_path / "data", "evaluation", [ground_truth_of(right)] * 2, CAMERA, version)
    out = tmp_path / "out"
    assert handos("eval", "ho3d", "--data", data, "--weights", weights, "--out", out, monkeypatch=monkeypatch) == 0
    measures = measures_in(out)
    for name in ("official_pa_mpjpe_mm", "camera_mpjpe_mm", "palm_mpjpe_mm", "wrist_error_mm"):
        assert measures[name] == pytest.approx(0, abs=0.01)
    joints, vertices = json.loads((out / "pred.json").read_text())
    assert right.joints_3d is not None
    np.testing.assert_allclose(joints[0], right.joints_3d[TO_HO3D_ORDER] * (1, -1, -1), atol=1e-6)
    assert (np.array(vertices)[..., 2] < 0).all()


def test_ho3d_without_ground_truth_is_predicted_only(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_ho3d(tmp_path / "data", "evaluation", random_hands(2), CAMERA, with_ground_truth=False)
    out = tmp_path / "out"
    assert handos("eval", "ho3d", "--data", data, "--weights", weights, "--out", out, monkeypatch=monkeypatch) == 0
    assert (out / "pred.json").is_file()
    assert not (out / "scores.json").exists()
    assert "evaluation_verts.json" in capsys.readouterr().out
    arguments = ("eval", "ho3d", "--data", data, "--out", tmp_path / "other")
    assert handos(*arguments, "--predictions", out / "pred.json", monkeypatch=monkeypatch) == 1


def test_dexycb_is_written_in_millimetres_and_images_without_annotation_are_skipped(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, _ = predicted_hands(weights, 640, 480, CAMERA)
    joints = ground_truth_of(right)[0]
    moved = joints + np.array([0, 0, 0.01])
    data = write_dexycb(tmp_path / "data", [moved, None], [CAMERA] * 8, (7, 8), (3, 4), range(8))
    out = tmp_path / "out"
    command = ("eval", "dexycb", "--data", data, "--setup", "s1")
    assert handos(*command, "--weights", weights, "--out", out, monkeypatch=monkeypatch) == 0
    measures = measures_in(out)
    assert json.loads((out / "scores.json").read_text())["images"] == 2 * 2 * 8
    assert measures["camera_mpjpe_mm"] == pytest.approx(10, abs=0.001)
    assert measures["wrist_mpjpe_mm"] == pytest.approx(0, abs=0.001)
    assert measures["official_pa_mpjpe_mm"] == pytest.approx(0, abs=0.001)
    # Every other sequence shows a left hand; the best prediction is always a right hand.
    assert measures["handedness_accuracy"] == 0.5

    results = out / "dexycb_s1_test.txt"
    lines = results.read_text().splitlines()
    assert len(lines) == 2 * 2 * 2 * 8
    index, *values = lines[3].split(",")
    assert index == "3"
    np.testing.assert_allclose(np.array(values, float), 1000 * joints.ravel(), atol=0.001)
    assert handos(*command, "--predictions", results, "--out", tmp_path / "again", monkeypatch=monkeypatch) == 0
    assert measures_in(tmp_path / "again")["camera_mpjpe_mm"] == pytest.approx(10, abs=0.001)

    for text, message in (
        ("\n".join(lines[:40]), "image 40, 20201015-subject-09"),
        ("0,1,2", "dexycb_s1_test.txt, line 1"),
    ):
        results.write_text(text)
        assert handos(*command, "--predictions", results, "--out", tmp_path / "again", monkeypatch=monkeypatch) == 1
        assert message in capsys.readouterr().err


def test_hint_uses_the_prediction_that_overlaps_the_annotated_hand(
    weights: Path, hint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert handos("eval", "hint", "--data", hint, "--weights", weights, "--out", out, monkeypatch=monkeypatch) == 0
    for part in ("newdays", "epick", "ego4d"):
        measures = measures_in(out / part)
        assert measures.keys() >= {"pck@.05_all", "pck@.1_visible", "pck@.15_occluded", "found_pck@.05_all"}
        assert set(measures.values()) == {1.0}
        assert len(json.loads((out / part / f"hint_{part}.json").read_text())) == 2
        assert "pck_all, AUC" in (out / part / "report.html").read_text()


def test_missing_packages_are_reported_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_freihand(tmp_path / "data", "evaluation", random_hands(1), SMALL_CAMERA)
    for name in list(sys.modules):
        # A submodule that is loaded is imported even if its package cannot be.
        if name.startswith(
            ("matplotlib.", "handos_model.evaluation.html_report", "handos_model.evaluation.suite_eval")
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert handos("eval", "freihand", "--data", data, "--out", tmp_path / "out", monkeypatch=monkeypatch) == 1
    assert re.search(r"matplotlib.*`pip install '.*\[eval\]'`", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_crops_around_ground_truth_boxes_have_their_intrinsics() -> None:
    y, x = np.mgrid[0:48, 0:64]
    image = np.stack([x, y, x + y], axis=-1).astype(np.uint8)
    crop = crop_around(image, np.array([40, 30, 60, 40], np.float32), CAMERA)
    assert crop.image.shape == (40, 40, 3)
    np.testing.assert_array_equal(crop.offset, [30, 15])
    np.testing.assert_array_equal(crop.image[:33, :34], image[15:48, 30:64])
    assert (crop.image[33:] == 114).all()
    assert (crop.image[:, 34:] == 114).all()
    point = np.array([0.01, -0.02, 0.5])
    assert crop.camera is not None
    np.testing.assert_allclose(project(point, crop.camera) + crop.offset, project(point, CAMERA))


def test_with_ground_truth_boxes_the_network_sees_the_crop(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The score is 0 where the centre of the image is black.
    rng = np.random.default_rng(0)
    joints = rng.normal((0.1, 0.05, 0.6), 0.01, (21, 3))
    data = write_ho3d(tmp_path / "data", "evaluation", [(joints, rng.normal(joints[0], 0.01, (778, 3)))], CAMERA)
    image = data / "evaluation" / "SEQ0" / "rgb" / "0000.jpg"
    write_grey_image(image, 640, 480, level=0)
    out = tmp_path / "out"
    command = ("eval", "ho3d", "--data", data, "--weights", weights)
    assert handos(*command, "--out", out, monkeypatch=monkeypatch) == 0
    first = json.loads((out / "predictions.jsonl").read_text().splitlines()[1])
    assert first["score"] == 0
    write_grey_image(image, 640, 480, level=90)
    assert handos(*command, "--gt-box", "--out", tmp_path / "boxed", monkeypatch=monkeypatch) == 0
    boxed = json.loads((tmp_path / "boxed" / "predictions.jsonl").read_text().splitlines()[1])
    assert boxed["score"] == pytest.approx(0.9, abs=1e-4)
    # The square of 480 pixels around HO3D's box of 240 x 210 starts at x = 80, y = -15.
    right, _ = predicted_hands(weights, 480, 480, replace(CAMERA, cx=CAMERA.cx - 80, cy=CAMERA.cy + 15))
    np.testing.assert_allclose(boxed["joints_3d"], right.joints_3d, atol=1e-5)
    np.testing.assert_allclose(np.array(boxed["joints_2d"]) - (80, -15), right.joints_2d, atol=1e-3)


def test_with_ground_truth_boxes_freihand_shows_whole_images(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, _ = predicted_hands(weights, 224, 224, SMALL_CAMERA)
    data = write_freihand(tmp_path / "data", "evaluation", [ground_truth_of(right)], SMALL_CAMERA)
    command = ("eval", "freihand", "--data", data, "--weights", weights, "--gt-box", "--out", tmp_path / "out")
    assert handos(*command, monkeypatch=monkeypatch) == 0
    assert measures_in(tmp_path / "out")["camera_mpjpe_mm"] == pytest.approx(0, abs=0.01)
    predicted = json.loads((tmp_path / "out" / "predictions.jsonl").read_text().splitlines()[1])
    np.testing.assert_allclose(predicted["joints_2d"], right.joints_2d, atol=1e-3)
    assert "--gt-box: the network sees whole images" in capsys.readouterr().out
    assert "--gt-box: the network sees whole images" in (tmp_path / "out" / "report.html").read_text()


def test_with_ground_truth_boxes_ho3d_needs_no_ground_truth(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_ho3d(tmp_path / "data", "evaluation", random_hands(1), CAMERA, with_ground_truth=False)
    command = ("eval", "ho3d", "--data", data, "--weights", weights, "--gt-box", "--out", tmp_path / "out")
    assert handos(*command, monkeypatch=monkeypatch) == 0
    assert "pred.zip is written" in capsys.readouterr().out
    predicted = json.loads((tmp_path / "out" / "predictions.jsonl").read_text().splitlines()[1])
    # The square of 480 pixels around HO3D's box of 240 x 210 starts at x = 80, y = -15.
    right, _ = predicted_hands(weights, 480, 480, replace(CAMERA, cx=CAMERA.cx - 80, cy=CAMERA.cy + 15))
    np.testing.assert_allclose(predicted["joints_3d"], right.joints_3d, atol=1e-5)
    # Without an annotated hand it is not known whether the prediction is one.
    assert predicted["found"] is None


@pytest.mark.parametrize(
    ("suite", "words"),
    [("ho3d", "handBoundingBox"), ("dexycb", "not comparable with those of papers"), ("hint", "as HaMeR is evaluated")],
)
def test_with_ground_truth_boxes_results_say_what_the_network_sees(
    suite: str,
    words: str,
    weights: Path,
    hint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right, _ = predicted_hands(weights, 640, 480, CAMERA)
    more: tuple[str, ...] = ()
    if suite == "ho3d":
        data = write_ho3d(tmp_path / "ho3d", "evaluation", [ground_truth_of(right)], CAMERA)
    elif suite == "dexycb":
        joints = ground_truth_of(right)[0]
        data, more = (
            write_dexycb(tmp_path / "dexycb", [joints], [CAMERA] * 8, (7, 8), (3,), range(8)),
            ("--setup", "s1"),
        )
    else:
        data, more = hint, ("--part", "epick")
    command = ("eval", suite, "--data", data, "--weights", weights, "--gt-box", "--out", tmp_path / "out", *more)
    assert handos(*command, monkeypatch=monkeypatch) == 0
    (file,) = (tmp_path / "out").rglob("scores.json")
    assert words in json.loads(file.read_text())["origin"]["crop"]
    assert words in capsys.readouterr().out
    assert words in file.with_name("report.html").read_text()


@pytest.mark.parametrize("missing", [(2, 4, 11, 20), range(1, 21)])
def test_hints_joints_without_existence_neither_count_nor_decide_which_hand_it_is(
    missing: range | tuple[int, ...], weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = predicted_hands(weights, 640, 480, CAMERA)
    pixels = [hand.joints_2d.astype(np.float64) for hand in hands]
    boxes = [[*joints.min(0), *joints.max(0)] for joints in pixels]
    write_hint(tmp_path / "data", "TEST_epick_img", pixels, boxes, missing)
    command = ("eval", "hint", "--data", tmp_path / "data", "--part", "epick", "--weights", weights)
    assert handos(*command, "--out", tmp_path / "out", monkeypatch=monkeypatch) == 0
    measures = measures_in(tmp_path / "out" / "epick")
    assert measures["recall"] == measures["pck@.05_all"] == measures["found_pck@.05_all"] == 1
    assert measures["handedness_accuracy"] == 1


def test_results_of_different_protocols_have_different_folders(
    weights: Path, hint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("eval", "hint", "--data", hint, "--part", "epick")
    assert handos(*command, "--weights", weights, monkeypatch=monkeypatch) == 0
    assert handos(*command, "--weights", weights, "--gt-box", monkeypatch=monkeypatch) == 0
    (tmp_path / "out/eval/hint_epick/hint_epick.json").rename("theirs.json")
    assert handos(*command, "--predictions", "theirs.json", monkeypatch=monkeypatch) == 0
    folders = {path.parent.name: path for path in (tmp_path / "out" / "eval").glob("*/scores.json")}
    assert folders.keys() == {"hint_epick", "hint_epick_gt_box", "hint_epick_theirs"}
    origins = {name: json.loads(path.read_text())["origin"] for name, path in folders.items()}
    assert [origins[name].get("gt_box") for name in sorted(origins)] == [False, True, None]
