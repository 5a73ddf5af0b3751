"""What a mistyped path is taken for."""

from pathlib import Path

import pytest

from handos_model.files.nearest_path import did_you_mean


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/clip.mp4").touch()
    (tmp_path / "demo/clip.camera.json").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("typed", ["demo/clpi.mp4", "demo/clip.mp", "demo/Clip.MP4", "dmeo/clip.mp4"])
def test_a_mistyped_path_is_taken_for_the_nearest_one(typed: str) -> None:
    assert did_you_mean(Path(typed)) == " (did you mean demo/clip.mp4?)"


@pytest.mark.parametrize(
    "typed", ["holiday.mov", "demo/photos", "dmeo/holiday.mov", "/", "demo/clip.mp4/clip.mp4", "x" * 300]
)
def test_nothing_is_guessed_where_nothing_is_alike(typed: str) -> None:
    assert did_you_mean(Path(typed)) == ""
