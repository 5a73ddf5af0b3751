"""`handos calibrate`, and `handos run --operator`."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import handos

from handos_model.files.images import write_image
from handos_model.hand_size.operator_folder import OperatorFolder
from handos_model.hand_size.palm import ASSUMED_PALM_LENGTH


def test_a_typed_palm_length_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("calibrate", "anna", "--palm-length", "0.0981", "--operators", tmp_path)
    assert handos(*arguments, monkeypatch=monkeypatch) == 0
    size = OperatorFolder(tmp_path).read("anna")
    assert (size.palm_length, size.source) == (0.0981, "typed")


@pytest.mark.parametrize(
    ("name", "length", "named"), [("anna", "98.1", "98.1 m"), ("../anna", "0.1", "'../anna'"), ("anna", "nan", "nan m")]
)
def test_a_mistake_ends_in_one_line_and_writes_nothing(
    name: str,
    length: str,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("calibrate", name, "--palm-length", length, "--operators", tmp_path / "operators")
    assert handos(*arguments, monkeypatch=monkeypatch) == 1
    error = capsys.readouterr().err
    assert named in error
    assert len(error.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def wrists(out: Path) -> np.ndarray:
    """(N, 3) of the only image."""
    (line,) = (out / "hands.jsonl").read_text().splitlines()
    return np.array([hand["joints_3d"][0] for hand in json.loads(line)["hands"]])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "lit.png"
    write_image(path, np.full((240, 320, 3), 90, np.uint8))
    return path


def test_run_scales_hands_to_the_operator(
    image: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = ("--operators", tmp_path / "people")
    handos("calibrate", "anna", "--palm-length", 1.2 * ASSUMED_PALM_LENGTH, *people, monkeypatch=monkeypatch)
    options = ("run", image, "--weights", weights, "--field-of-view", 60)
    assert handos(*options, "--out", tmp_path / "plain", monkeypatch=monkeypatch) == 0
    operator = ("--operator", "anna", *people)
    assert handos(*options, "--out", tmp_path / "scaled", *operator, monkeypatch=monkeypatch) == 0
    assert wrists(tmp_path / "scaled") == pytest.approx(1.2 * wrists(tmp_path / "plain"), rel=1e-3)


def test_results_of_another_size_are_not_continued(
    image: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    people = ("--operators", tmp_path / "people")
    handos("calibrate", "anna", "--palm-length", 0.12, *people, monkeypatch=monkeypatch)
    options = ("run", image, "--weights", weights, "--field-of-view", 60, "--out", tmp_path / "out")
    assert handos(*options, monkeypatch=monkeypatch) == 0
    assert handos(*options, "--resume", "--operator", "anna", *people, monkeypatch=monkeypatch) == 1
    assert "--operator" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "named"),
    [(("--field-of-view", 60, "--operator", "bob"), "'bob'"), (("--operator", "anna"), "--camera")],
)
def test_run_refuses_an_operator_that_it_cannot_use(
    options: tuple[object, ...],
    named: str,
    image: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    people = ("--operators", tmp_path / "people")
    handos("calibrate", "anna", "--palm-length", 0.12, *people, monkeypatch=monkeypatch)
    run = ("run", image, "--weights", weights, "--out", tmp_path / "out", *people)
    assert handos(*run, *options, monkeypatch=monkeypatch) == 1
    assert named in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
