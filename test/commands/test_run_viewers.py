"""`handos run` for hands that are only looked at."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import handos
from rerun.chunk import RrdReader

from handos_model.files.images import write_image
from handos_model.inference.pipeline import HandPipeline
from handos_model.recordings.video_writer import VideoWriter

Run = Callable[..., int]


@pytest.fixture
def run(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`handos run` in the folder of the test; its exit code."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: handos("run", *arguments, "--weights", weights, monkeypatch=monkeypatch)


@pytest.fixture
def video(tmp_path: Path) -> str:
    with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for _ in range(5):
            writer.write(np.full((240, 320, 3), 90, np.uint8))
    return "clip.mp4"


def frames_in(path: str) -> int:
    return sum(chunk.num_rows for chunk in RrdReader(path).stream() if chunk.entity_path.strip("/") == "camera/image")


def test_a_file_for_rerun_needs_no_folder_for_results(
    run: Run, video: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(video, "--rrd", "clip.rrd") == 0
    told = capsys.readouterr().out
    assert "5 frames, hands in 5" in told
    assert "-> clip.rrd" in told
    assert "nothing is kept" not in told
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4", "clip.rrd"}
    assert frames_in("clip.rrd") == 5


def test_results_are_written_beside_what_is_shown(run: Run, video: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(video, "--rrd", "clip.rrd", "--out", "out") == 0
    assert "-> out/hands.jsonl, clip.rrd" in capsys.readouterr().out
    assert Path("out/hands.jsonl").read_text().count("\n") == frames_in("clip.rrd") == 5


def test_ctrl_c_ends_a_run_that_is_only_looked_at_and_its_file_is_complete(
    run: Run, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate, left = HandPipeline.__call__, iter(range(3))

    def interrupted(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return estimate(*arguments)

    monkeypatch.setattr(HandPipeline, "__call__", interrupted)
    assert run(video, "--rrd", "clip.rrd") == 0
    assert frames_in("clip.rrd") == 3


def test_what_cannot_be_read_is_listed_here_too(run: Run, video: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(video, "gone.mp4", "--rrd", "clip.rrd") == 1
    assert "gone.mp4" in capsys.readouterr().err
    assert frames_in("clip.rrd") == 5


def test_a_file_that_is_there_is_replaced_only_by_overwrite(
    run: Run, video: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("clip.rrd").write_text("earlier")
    assert run(video, "--rrd", "clip.rrd") == 1
    assert "--overwrite" in capsys.readouterr().err
    assert Path("clip.rrd").read_text() == "earlier"
    assert run(video, "--rrd", "clip.rrd", "--overwrite") == 0
    assert frames_in("clip.rrd") == 5


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "--out"),
        (("--rrd", "a.rrd", "--format", "mcap"), "--format"),
        (("--rrd", "a.rrd", "--overlay", "--resume"), "--overlay and --resume"),
        (("--rrd", "a.rrd", "--out", "out", "--resume"), "--resume"),
        (("--rrd", "."), "--rrd"),
        (("--rrd", "FILE"), ".rrd"),
        (("--foxglove", "here"), "--foxglove"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_loaded(
    options: tuple[str, ...],
    named: str,
    run: Run,
    video: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(HandPipeline, "load", lambda *_, **__: pytest.fail("the network was loaded"))
    assert run(video, *options) == 1
    assert named in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_two_sources_do_not_fit_into_one_file(run: Run, video: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(Path("a.png"), np.full((240, 320, 3), 90, np.uint8))
    assert run(video, "a.png", "--rrd", "clip.rrd") == 1
    assert "--rrd" in capsys.readouterr().err
    assert not Path("clip.rrd").exists()


def test_images_without_time_are_not_tracked_here_either(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(Path("a.png"), np.full((240, 320, 3), 90, np.uint8))
    assert run("a.png", "--rrd", "a.rrd", "--track") == 1
    assert "--track" in capsys.readouterr().err


def test_without_a_display_the_window_names_what_works(
    run: Run, video: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(HandPipeline, "load", lambda *_, **__: pytest.fail("the network was loaded"))
    assert run(video, "--view") == 1
    assert "--rrd" in capsys.readouterr().err


def test_foxglove_is_told_where_to_connect(run: Run, video: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert run(video, "--foxglove", port) == 0
    told = capsys.readouterr()
    assert f"ws://127.0.0.1:{port}" in told.err
    assert "nothing is kept: give --out" in told.out
