"""What a user is told when the stages of training begin."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from handos_model.finetuning import stages
from handos_model.finetuning.request import Request
from handos_model.finetuning.stages import train_stages
from handos_model.finetuning.timetable import Timetable


def told(folder: Path, minutes: float, closing: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(stages, "train", lambda *_: None)
    request, lines = Request(folder, None, folder / "mine.onnx", folder, minutes), list[str]()
    train_stages(request, 20, 0, Timetable(folder / "timetable.json", minutes), closing, lines.append)
    return lines


def test_each_stage_is_announced_with_the_time_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = told(tmp_path, 10, 120.0, monkeypatch)
    assert first.startswith("training the detector, then the decoder: 8 minutes at most, then about 2 minutes")
    assert second.startswith("training the decoder: ")


def test_a_run_that_takes_longer_than_is_given_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = told(tmp_path, 1, 120.0, monkeypatch)
    assert "60 seconds at most" in first.splitlines()[0]
    assert "2 minutes longer than --minutes 1:" in first.splitlines()[1]
