"""What is kept of a finished run, and when it counts."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from handos_model.finetuning.comparison import Comparison, Quality
from handos_model.finetuning.kept_result import keep_result, read_result
from handos_model.finetuning.outcome import Int8Result, Result
from handos_model.finetuning.request import Request

OWN = Comparison(Quality(5, 6, 0.8, 0.7, 0.9, None, 0.5, 0.9, None), Quality(5, 6, 0.9, 0.7, 0.9, None, 0.5, 0.9, None))
WRITTEN = Result(OWN, OWN, (), Int8Result(OWN, 1.7))
REFUSED = Result(OWN, None, ("worse",))


def request(folder: Path) -> Request:
    (folder / "state").mkdir()
    return Request(folder, None, folder / "mine.onnx", folder / "state", 60)


def test_a_run_that_is_not_finished_has_no_result(tmp_path: Path) -> None:
    assert read_result(request(tmp_path)) is None


def test_a_written_network_counts_only_while_it_is_there(tmp_path: Path) -> None:
    asked = request(tmp_path)
    keep_result(asked, WRITTEN)
    assert read_result(asked) is None
    asked.out.touch()
    assert read_result(asked) == WRITTEN
    (tmp_path / "other.onnx").touch()
    assert read_result(replace(asked, out=tmp_path / "other.onnx")) is None


def test_a_refusal_is_kept(tmp_path: Path) -> None:
    asked = request(tmp_path)
    keep_result(asked, REFUSED)
    assert read_result(asked) == REFUSED


@pytest.mark.parametrize("content", ["", "[]", '{"out": ""}', '{"out": "", "result": {"own": 3}}'])
def test_a_damaged_file_is_named(content: str, tmp_path: Path) -> None:
    asked = request(tmp_path)
    (asked.state / "result.json").write_text(content)
    with pytest.raises(ValueError, match=r"result\.json is damaged"):
        read_result(asked)
