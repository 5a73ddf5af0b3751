"""Measures of `handos eval --predictions` against the official scripts' formulas, on files of the official layouts.

The formulas are written out here from the files alone, with SciPy, keypoint by keypoint. `PRINTED` is what the official
scripts themselves print for the same files.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import handos
from dataset_folders import random_hands, write_dexycb, write_freihand, write_hint, write_ho3d
from evaluated_network import CAMERA, SMALL_CAMERA, measures_in
from scipy.integrate import trapezoid
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import cdist

from handos_model.geometry.arrays import Float64Array

COUNT = 5
SEEDED = np.random.default_rng(20)
JOINT_NOISE = SEEDED.normal(0, 0.012, (COUNT, 21, 3))
VERTEX_NOISE = SEEDED.normal(0, 0.006, (COUNT, 778, 3))


PRINTED = {
    "freihand": {
        "camera_mpjpe_mm": 20.68883,
        "camera_mpjpe_auc": 0.586195,
        "official_pa_mpjpe_mm": 15.40604,
        "official_pa_mpjpe_auc": 0.692304,
        "camera_mpvpe_mm": 13.67627,
        "camera_mpvpe_auc": 0.726481,
        "official_pa_mpvpe_mm": 8.8667,
        "official_pa_mpvpe_auc": 0.822632,
        "camera_f@5": 0.532504,
        "official_pa_f@5": 0.65809,
        "camera_f@15": 0.9823,
        "official_pa_f@15": 0.998069,
    },
    "ho3d": {
        "camera_mpjpe_mm": 29.38527,
        "camera_mpjpe_auc": 0.4152,
        "official_pa_mpjpe_mm": 15.25622,
        "official_pa_mpjpe_auc": 0.694805,
        "palm_mpjpe_mm": 23.01485,
        "palm_mpjpe_auc": 0.539298,
        "camera_mpvpe_mm": 23.31741,
        "camera_mpvpe_auc": 0.533611,
        "official_pa_mpvpe_mm": 8.90275,
        "official_pa_mpvpe_auc": 0.821939,
        "camera_f@5": 0.442028,
        "official_pa_f@5": 0.645745,
        "camera_f@15": 0.934116,
        "official_pa_f@15": 0.998714,
    },
}


def aligned(target: Float64Array, points: Float64Array) -> Float64Array:
    """Procrustes analysis as in the scripts of FreiHAND, HO3D and DexYCB: both normalised, reflections allowed."""
    means = target.mean(axis=0), points.mean(axis=0)
    norms = [np.linalg.norm(cloud - mean) + 1e-8 for cloud, mean in zip((target, points), means, strict=True)]
    normalised = (target - means[0]) / norms[0], (points - means[1]) / norms[1]
    rotation, scale = orthogonal_procrustes(*normalised)
    return np.asarray(normalised[1] @ rotation.T * scale * norms[0] + means[0])


def mean_and_auc(targets: Any, predicted: Any, limit: float) -> tuple[float, float]:
    """Mean error and AUC up to `limit` of each keypoint over the samples, then their means over the keypoints."""
    errors = np.linalg.norm(np.asarray(predicted) - np.asarray(targets), axis=-1)
    thresholds = np.linspace(0, limit, 100)
    means, areas = [], []
    for of_keypoint in errors.T:
        curve = [np.mean([error <= threshold for error in of_keypoint]) for threshold in thresholds]
        means.append(np.mean(of_keypoint))
        areas.append(trapezoid(curve, thresholds) / trapezoid(np.ones(100), thresholds))
    return float(np.mean(means)), float(np.mean(areas))


def f_score(target: Float64Array, points: Float64Array, threshold: float) -> float:
    between = cdist(target, points)
    first, second = np.mean(between.min(axis=1) < threshold), np.mean(between.min(axis=0) < threshold)
    return float(2 * first * second / (first + second)) if first + second > 0 else 0.0


def scores(suite: str, data: Path, predictions: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> Any:
    arguments = ("--data", data, "--predictions", predictions, "--out", out, *more)
    assert handos("eval", suite, *arguments, monkeypatch=monkeypatch) == 0
    return {} if suite == "hint" else measures_in(out)


def files_of(folder: Path, suite: str, data: Path) -> tuple[Float64Array, ...]:
    """Annotated joints and vertices, and predicted ones, as the files contain them; writes pred.json."""
    targets = [np.array(json.loads((data / f"evaluation_{name}.json").read_text())) for name in ("xyz", "verts")]
    # A wrong scale and position too, so that every alignment has something to do.
    shift = np.array([0.004, 0.002, -0.006])
    predicted = [
        1.03 * points + noise + shift for points, noise in zip(targets, (JOINT_NOISE, VERTEX_NOISE), strict=True)
    ]
    (folder / f"{suite}.json").write_text(json.dumps([points.tolist() for points in predicted]))
    return (*targets, *predicted)


@pytest.mark.parametrize("suite", ["freihand", "ho3d v2", "ho3d v3"])
def test_freihand_and_ho3d(suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, version = suite.split()[0], suite.split()[-1]
    if name == "freihand":
        data = write_freihand(tmp_path / "data", "evaluation", random_hands(COUNT), SMALL_CAMERA)
    else:
        data = write_ho3d(tmp_path / "data", "evaluation", random_hands(COUNT), CAMERA, version)
    joints, vertices, predicted_joints, predicted_vertices = files_of(tmp_path, name, data)
    measures = scores(name, data, tmp_path / f"{name}.json", tmp_path / "out", monkeypatch)
    assert {measure: measures[measure] for measure in PRINTED[name]} == pytest.approx(PRINTED[name], abs=1e-4)

    for measure, targets, predicted in (("mpjpe", joints, predicted_joints), ("mpvpe", vertices, predicted_vertices)):
        moved = [aligned(target, points) for target, points in zip(targets, predicted, strict=True)]
        for alignment, points in (("official_pa", moved), ("camera", predicted)):
            mean, area = mean_and_auc(targets, points, 0.05)
            assert measures[f"{alignment}_{measure}_mm"] == pytest.approx(1000 * mean, abs=1e-4)
            assert measures[f"{alignment}_{measure}_auc"] == pytest.approx(area, abs=1e-4)
    for threshold in (5, 15):
        pairs = list(zip(vertices, predicted_vertices, strict=True))
        expected = np.mean([f_score(target, aligned(target, points), threshold / 1000) for target, points in pairs])
        assert measures[f"official_pa_f@{threshold}"] == pytest.approx(expected, abs=1e-4)
        expected = np.mean([f_score(target, points, threshold / 1000) for target, points in pairs])
        assert measures[f"camera_f@{threshold}"] == pytest.approx(expected, abs=1e-4)
    if name == "ho3d":
        # "Scale-translation": wrists coincide, and the distances from wrist to middle knuckle, number 4 in HO3D.
        lengths = [np.linalg.norm(points[:, 4] - points[:, 0], axis=1) for points in (joints, predicted_joints)]
        scaled = predicted_joints * (lengths[0] / lengths[1])[:, None, None]
        mean, area = mean_and_auc(joints, scaled - scaled[:, :1] + joints[:, :1], 0.05)
        assert measures["palm_mpjpe_mm"] == pytest.approx(1000 * mean, abs=1e-4)
        assert measures["palm_mpjpe_auc"] == pytest.approx(area, abs=1e-4)


def test_dexycb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hands = [joints for joints, _ in random_hands(2)]
    data = write_dexycb(tmp_path / "data", [hands[0], None, hands[1]], [CAMERA] * 8, (7, 8), (3,), range(8))
    images = 2 * 8 * 3
    millimetres = {index: 1000 * hands[index % 3 // 2] for index in range(images) if index % 3 != 1}
    noise = SEEDED.normal(0, 12, (images, 21, 3))
    lines = [
        ",".join(map(repr, [index, *(1.05 * target + noise[index] + 7).ravel().tolist()]))
        for index, target in millimetres.items()
    ]
    (tmp_path / "results.txt").write_text("\n".join(lines))
    measures = scores("dexycb", data, tmp_path / "results.txt", tmp_path / "out", monkeypatch, "--setup", "s1")
    predicted = [np.array(line.split(",")[1:], float).reshape(21, 3) for line in lines]
    targets = list(millimetres.values())
    moved = [aligned(target, points) for target, points in zip(targets, predicted, strict=True)]
    relative = [points - points[0] + target[0] for target, points in zip(targets, predicted, strict=True)]
    for alignment, points in (("camera", predicted), ("wrist", relative), ("official_pa", moved)):
        mean, area = mean_and_auc(targets, points, 50)
        assert measures[f"{alignment}_mpjpe_mm"] == pytest.approx(mean, abs=1e-4)
        assert measures[f"{alignment}_mpjpe_auc"] == pytest.approx(area, abs=1e-4)


def test_hint_leaves_joints_without_existence_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    joints = [SEEDED.uniform((100, 100), (300, 260), (21, 2)) for _ in range(COUNT)]
    boxes = [(90.0, 95.0, 310.0 + 20 * k, 270.0) for k in range(COUNT)]
    write_hint(tmp_path / "data", "TEST_newdays_img", joints, boxes, missing_joints=(2, 3, 20))
    annotations = sorted((tmp_path / "data" / "TEST_newdays_img").glob("*.json"))
    entries = [json.loads(path.read_text())[0] for path in annotations]
    predicted = [np.array(joint) + SEEDED.normal(0, 15, (21, 2)) for joint in joints]
    names = [f"TEST_newdays_img/{path.stem}.jpg" for path in annotations]
    (tmp_path / "hint.json").write_text(json.dumps(dict(zip(names, [p.tolist() for p in predicted], strict=True))))
    scores("hint", tmp_path / "data", tmp_path / "hint.json", tmp_path / "out", monkeypatch, "--part", "newdays")
    measures = measures_in(tmp_path / "out" / "newdays")
    for subset, occlusions in (("all", (0, 1)), ("visible", (0,)), ("occluded", (1,))):
        for name, threshold in ((".05", 0.05), (".1", 0.1), (".15", 0.15)):
            of_joints = []
            for joint in range(21):
                outcomes = [
                    np.hypot(*(points[joint] - entry["keypoints"][joint]))
                    <= threshold
                    * max(entry["bbox"][0][2] - entry["bbox"][0][0], entry["bbox"][0][3] - entry["bbox"][0][1])
                    for points, entry in zip(predicted, entries, strict=True)
                    if entry["existence"][joint] == 1 and entry["occlusion"][joint] in occlusions
                ]
                of_joints += [np.mean(outcomes)] if outcomes else []
            assert measures[f"pck@{name}_{subset}"] == pytest.approx(np.mean(of_joints), abs=1e-9)
    # With the missing joints, which are far off, it would be at most 18 of 21.
    assert measures["pck@.15_all"] > 0.9
