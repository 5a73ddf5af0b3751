"""`handos eval --predictions`: files of predictions, ours or others', are scored without the network."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from benchmark_folders import random_truth, write_freihand, write_ho3d
from command_line import handos
from evaluated_network import CAMERA, SMALL_CAMERA, measures_in


def test_prediction_files_that_were_written_score_the_same(
    weights: Path, hint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freihand = write_freihand(tmp_path / "freihand", "evaluation", random_truth(3), SMALL_CAMERA)
    ho3d = write_ho3d(tmp_path / "ho3d", "evaluation", random_truth(3), CAMERA)
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


def test_prediction_files_need_no_pictures_but_those_of_the_worst_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = random_truth(40)
    data = write_freihand(tmp_path / "data", "evaluation", truth, SMALL_CAMERA)
    joints = [
        hand[0] + 0.0001 * (k >= 25) * np.random.default_rng(k).normal(size=(21, 3)) for k, hand in enumerate(truth)
    ]
    (tmp_path / "pred.json").write_text(json.dumps([[j.tolist() for j in joints], [v.tolist() for _, v in truth]]))
    for index in range(25):
        (data / "evaluation" / "rgb" / f"{index:08d}.jpg").unlink()
    arguments = ("--data", data, "--predictions", tmp_path / "pred.json", "--out", tmp_path / "out")
    assert handos("eval", "freihand", *arguments, monkeypatch=monkeypatch) == 0
    assert measures_in(tmp_path / "out")["official_pa_mpvpe_mm"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("benchmark", "text", "complaint"),
    [
        ("freihand", "[]", "holds no matrices"),
        ("freihand", "[[[[1, 2, 3]]], [[[1, 2, 3]]]]", r"holds 2 matrices.*needs 3 of joints"),
        ("freihand", None, "does not exist"),
        ("hint", "{}", "has no joints for the image"),
        ("hint", "[1", "is no file of 2D joints"),
    ],
)
def test_prediction_files_of_another_kind_are_refused(
    benchmark: str,
    text: str | None,
    complaint: str,
    hint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = write_freihand(tmp_path / "freihand", "evaluation", random_truth(3), SMALL_CAMERA)
    arguments = ("--data", data) if benchmark == "freihand" else ("--data", hint, "--part", "epick")
    path = tmp_path / "predictions"
    if text is not None:
        path.write_text(text)
    assert (
        handos("eval", benchmark, *arguments, "--predictions", path, "--out", tmp_path / "out", monkeypatch=monkeypatch)
        == 1
    )
    message = capsys.readouterr().err
    assert len(message.strip().splitlines()) == 1
    assert re.search(complaint, message)


def test_predictions_and_weights_exclude_each_other(
    weights: Path, hint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("eval", "hint", "--data", hint, "--predictions", "x.json")
    assert handos(*command, "--part", "epick", "--weights", weights, monkeypatch=monkeypatch) == 1
    assert "leave out --weights and --gt-box" in capsys.readouterr().err
    assert handos(*command, monkeypatch=monkeypatch) == 1
    assert "name it with --part" in capsys.readouterr().err
