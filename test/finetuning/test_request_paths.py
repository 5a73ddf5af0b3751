"""Paths that a request cannot use are refused with their option, and nothing is written."""

from pathlib import Path

import pytest

from handos_model.finetuning.request import Request
from handos_model.finetuning.request_paths import require_usable_paths


def request(folder: Path, **changes: str) -> Request:
    """A request in `folder` that can be used, but for changes."""
    paths = {"images": "data/images", "out": "mine.onnx", "state": "mine_state"} | changes
    at = {name: folder / path for name, path in paths.items()}
    return Request(at["images"], None, at["out"], at["state"], 60, at.get("rendered"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data/images").mkdir(parents=True)
    (tmp_path / "data/images/a.png").touch()
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_usable_paths_are_accepted_and_nothing_is_written(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    require_usable_paths(request(folder, out="new/deep/mine.onnx", state="new/deep/mine_state"))
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"out": "file/mine.onnx"}, r"--out .*file/mine\.onnx cannot be written \(Not a directory\)"),
        ({"out": f"{'x' * 300}.onnx"}, r"--out .*cannot be written \(File name too long\)"),
        ({"out": "empty"}, "--out .*empty is a folder"),
        ({"state": "file/state"}, "--state .*file/state cannot be written"),
        ({"state": "mine.onnx"}, r"--state .*mine\.onnx is --out, too"),
        ({"state": "data/images"}, "--state .* is the folder of --images, .*apart from your images"),
        ({"state": "data/images/state"}, "--state .* lies in the folder of --images"),
        ({"state": "data"}, "--state .* holds the folder of --images"),
        ({"rendered": "gone"}, "--rendered .*gone is empty or no folder.*data/rendered"),
        ({"rendered": "data/images"}, "--rendered .*data/images has other content.*data/rendered or another new"),
    ],
)
def test_paths_that_cannot_be_used_are_named(changes: dict[str, str], named: str, folder: Path) -> None:
    with pytest.raises((OSError, ValueError), match=named):
        require_usable_paths(request(folder, **changes))


def test_nobody_is_told_to_render_into_the_folder_of_images(folder: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        require_usable_paths(request(folder, rendered="data/images"))
    assert f"--out {folder}" not in str(caught.value)
