"""`handos eval --predictions`: prediction files are scored without running a network."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import handos
from dataset_folders import random_hands, write_dexycb, write_freihand, write_ho3d
from evaluated_network import CAMERA, SMALL_CAMERA, measures_in


def test_written_prediction_files_get_the_same_scores(
    weights: Path, hint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freihand = write_freihand(tmp_path / "freihand", "evaluation", random_hands(3), SMALL_CAMERA)
    ho3d = write_ho3d(tmp_path / "ho3d", "evaluation", random_hands(3), CAMERA)
    for name, data, file, more in (
        ("freihand", freihand, "pred.json", ()),
        ("ho3d", ho3d, "pred.json", ()),
        ("hint", hint, "epick/hint_epick.json", ("--part", "epick")),
    ):
        command = ("eval", name, "--data", data, *more)
        assert handos(*command, "--weights", weights, "--out", tmp_path / name / "a", monkeypatch=monkeypatch) == 0
        predictions = tmp_path / name / "a" / file
        assert (
            handos(*command, "--predictions", predictions, "--out", tmp_path / name / "b", monkeypatch=monkeypatch) == 0
        )
        inner = "epick" if name == "hint" else "."
        first, second = (measures_in(tmp_path / name / out / inner) for out in ("a", "b"))
        assert second
        for measure, value in second.items():
            assert value == pytest.approx(first[measure], abs=1e-3), measure


def test_scoring_reads_only_the_images_of_the_worst_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hands = random_hands(40)
    data = write_freihand(tmp_path / "data", "evaluation", hands, SMALL_CAMERA)
    joints = [
        hand[0] + 0.0001 * (k >= 25) * np.random.default_rng(k).normal(size=(21, 3)) for k, hand in enumerate(hands)
    ]
    (tmp_path / "pred.json").write_text(json.dumps([[j.tolist() for j in joints], [v.tolist() for _, v in hands]]))
    for index in range(25):
        (data / "evaluation" / "rgb" / f"{index:08d}.jpg").unlink()
    arguments = ("--data", data, "--predictions", tmp_path / "pred.json", "--out", tmp_path / "out")
    assert handos("eval", "freihand", *arguments, monkeypatch=monkeypatch) == 0
    assert measures_in(tmp_path / "out")["official_pa_mpvpe_mm"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("suite", "text", "message"),
    [
        ("freihand", "[]", "predictions is damaged"),
        ("freihand", "[[[[1, 2, 3]]], [[[1, 2, 3]]]]", r"predictions contains 2 matrices.*FreiHAND evaluation needs 3"),
        ("freihand", None, "predictions does not exist"),
        ("hint", "{}", "predictions.*TEST_epick_img/"),
        ("hint", "[1", "predictions is not"),
    ],
)
def test_prediction_files_of_another_format_are_rejected(
    suite: str,
    text: str | None,
    message: str,
    hint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = write_freihand(tmp_path / "freihand", "evaluation", random_hands(3), SMALL_CAMERA)
    arguments = ("--data", data) if suite == "freihand" else ("--data", hint, "--part", "epick")
    path = tmp_path / "predictions"
    if text is not None:
        path.write_text(text)
    assert (
        handos("eval", suite, *arguments, "--predictions", path, "--out", tmp_path / "out", monkeypatch=monkeypatch)
        == 1
    )
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert re.search(message, error)


def test_predictions_and_weights_exclude_each_other(
    weights: Path, hint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("eval", "hint", "--data", hint, "--predictions", "x.json")
    assert handos(*command, "--part", "epick", "--weights", weights, monkeypatch=monkeypatch) == 1
    assert "--weights and --gt-box" in capsys.readouterr().err
    assert handos(*command, monkeypatch=monkeypatch) == 1
    assert "--part" in capsys.readouterr().err


@pytest.mark.parametrize("suite", ["freihand", "ho3d"])
def test_the_servers_archive_is_written_and_gets_the_same_scores_as_its_file(
    suite: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if suite == "freihand":
        data = write_freihand(tmp_path / "data", "evaluation", random_hands(3), SMALL_CAMERA)
    else:
        data = write_ho3d(tmp_path / "data", "evaluation", random_hands(3), CAMERA)
    command = ("eval", suite, "--data", data)
    assert handos(*command, "--weights", weights, "--out", tmp_path / "out", monkeypatch=monkeypatch) == 0
    with zipfile.ZipFile(tmp_path / "out" / "pred.zip") as archive:
        assert archive.namelist() == ["pred.json"]
        assert archive.read("pred.json") == (tmp_path / "out" / "pred.json").read_bytes()
    for suffix in ("json", "zip"):
        file = tmp_path / "out" / f"pred.{suffix}"
        assert handos(*command, "--predictions", file, "--out", tmp_path / suffix, monkeypatch=monkeypatch) == 0
    assert measures_in(tmp_path / "zip") == measures_in(tmp_path / "json")


def rejected(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *command: object) -> str:
    """The one line that a rejected evaluation prints."""
    assert handos("eval", *command, monkeypatch=monkeypatch) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.fixture
def freihand(tmp_path: Path) -> Path:
    return write_freihand(tmp_path / "freihand", "evaluation", random_hands(3), SMALL_CAMERA)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "contains 0 JSON files"),
        ({"notes.txt": "hello"}, "contains 0 JSON files .*notes.txt"),
        ({"a.json": "[]", "b.json": "[]"}, "contains 2 JSON files"),
        ({"pred.json": "[[[[1, 2"}, r"archive\.zip is damaged or incomplete .*write the predictions again"),
    ],
)
def test_archives_without_predictions_are_named(
    members: dict[str, str],
    message: str,
    freihand: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    arguments = ("freihand", "--data", freihand, "--predictions", path, "--out", tmp_path / "out")
    line = rejected(capsys, monkeypatch, *arguments)
    assert re.search(message, line)
    assert "archive.zip" in line


def test_a_damaged_archive_is_named(
    freihand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pred.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pred.json", json.dumps(np.zeros((2, 3, 21, 3)).tolist()))
    content = bytearray(path.read_bytes())
    content[60:70] = b"x" * 10
    path.write_bytes(content)
    arguments = ("freihand", "--data", freihand, "--predictions", path, "--out", tmp_path / "out")
    assert "pred.zip is a damaged" in rejected(capsys, monkeypatch, *arguments)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "null", "1e400", "1e200"])
@pytest.mark.parametrize(("part", "name"), [(0, "joints"), (1, "vertices")])
def test_coordinates_that_are_no_positions_are_named_with_file_and_sample(
    value: str,
    part: int,
    name: str,
    freihand: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content: Any = [[points.tolist() for points in parts] for parts in zip(*random_hands(3), strict=True)]
    content[part][1][7][2] = "HERE"
    (tmp_path / "pred.json").write_text(json.dumps(content).replace('"HERE"', value))
    arguments = ("freihand", "--data", freihand, "--predictions", tmp_path / "pred.json", "--out", tmp_path / "out")
    line = rejected(capsys, monkeypatch, *arguments)
    assert re.search(
        rf"sample 1 \(evaluation/rgb/00000001\.jpg\), {name}: .*(point|row) 7 is \[.*(nan|inf|1e\+200)", line
    )
    assert "pred.json" in line
    assert not (tmp_path / "out" / "scores.json").exists()


@pytest.mark.parametrize(
    ("part", "shape", "message"),
    [
        (0, (20, 3), r"sample 2 .*joints: expected 21 points of 3 coordinates, got the shape \(20, 3\)"),
        (0, (21, 2), r"sample 2 .*joints: expected 21 points of 3 coordinates, got the shape \(21, 2\)"),
        (1, (779, 3), r"sample 2 .*vertices: expected 778 points of 3 coordinates, got the shape \(779, 3\)"),
        (1, (778, 4), r"sample 2 .*vertices: expected 778 points of 3 coordinates, got the shape \(778, 4\)"),
    ],
)
def test_samples_of_different_shapes_in_one_file_are_named(
    part: int,
    shape: tuple[int, int],
    message: str,
    freihand: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content: Any = [[points.tolist() for points in parts] for parts in zip(*random_hands(3), strict=True)]
    content[part][2] = np.full(shape, 0.5).tolist()
    (tmp_path / "pred.json").write_text(json.dumps(content))
    arguments = ("freihand", "--data", freihand, "--predictions", tmp_path / "pred.json", "--out", tmp_path / "out")
    assert re.search(message, rejected(capsys, monkeypatch, *arguments))


@pytest.mark.parametrize("samples", [2, 4])
def test_a_file_with_another_number_of_samples_is_named(
    samples: int, freihand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = [[points.tolist() for points in parts] for parts in zip(*random_hands(samples), strict=True)]
    (tmp_path / "pred.json").write_text(json.dumps(content))
    arguments = ("freihand", "--data", freihand, "--predictions", tmp_path / "pred.json", "--out", tmp_path / "out")
    line = rejected(capsys, monkeypatch, *arguments)
    assert re.search(rf"pred\.json contains {2 * samples} matrices.*needs 3 ", line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0," + ",".join(["1"] * 62 + ["nan"]), r"results\.txt, line 1, image 0: point 20 is \[1\.0, 1\.0, nan\]"),
        ("0," + ",".join(["1"] * 62 + ["inf"]), r"results\.txt, line 1, image 0: point 20 is \[1\.0, 1\.0, inf\]"),
        (
            "99," + ",".join(["1"] * 63),
            "results.txt has lines for images 99 to 99, but DexYCB s1 test has the images 0 to 15",
        ),
        ("-1," + ",".join(["1"] * 63), "results.txt has lines for images -1"),
        ("\xff", "results.txt, line 1: expected an index and 63 numbers"),
        ("", "results.txt has no line for image 0"),
    ],
)
def test_results_of_dexycb_that_are_no_positions_or_of_other_images_are_named(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dexycb(tmp_path / "data", [random_hands(1)[0][0]], [CAMERA] * 8, (7, 8), (3,), range(8))
    (tmp_path / "results.txt").write_bytes(line.encode("latin-1"))
    arguments = ("dexycb", "--data", data, "--setup", "s1", "--predictions", tmp_path / "results.txt")
    assert re.search(message, rejected(capsys, monkeypatch, *arguments, "--out", tmp_path / "out"))


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        ([[1.0, float("nan")]] * 21, r"_r\.jpg: point 0 is \[1\.0, nan\]"),
        ([[1.0] * 21] * 2, r"_r\.jpg: expected 21 points of 2 coordinates, got the shape \(2, 21\)"),
        ([1.0] * 42, r"_r\.jpg: expected 21 points of 2 coordinates, got the shape \(42,\)"),
        ("text", r"_r\.jpg: expected 21 pixels"),
    ],
)
def test_joints_of_hint_that_are_no_pixels_are_named(
    joints: object,
    message: str,
    hint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = sorted(f"TEST_epick_img/{path.name}" for path in (hint / "TEST_epick_img").glob("*.jpg"))
    (tmp_path / "joints.json").write_text(json.dumps(dict.fromkeys(names, joints)))
    arguments = ("hint", "--data", hint, "--part", "epick", "--predictions", tmp_path / "joints.json")
    assert re.search(message, rejected(capsys, monkeypatch, *arguments, "--out", tmp_path / "out"))
