"""`handos eval --predictions`: prediction files are scored without running a network."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from command_line import handos
from dataset_folders import random_hands, write_freihand, write_ho3d
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
