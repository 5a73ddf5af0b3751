"""`handos run` on bad sources, in folders with results, interrupted, and on a full disk."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as parquet
import pytest
from command_line import handos
from full_disk import size_limit
from recorded_bags import CAMERA, START, STEP, Recorded, camera_info, camera_messages, grey, raw_image, write_bag

from handos_model.files.images import write_image
from handos_model.inference.pipeline import HandPipeline
from handos_model.recordings.recorder import Recorder
from handos_model.recordings.video_writer import VideoWriter

Run = Callable[..., int]


@pytest.fixture
def run(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`handos run` in the folder of the test; its exit code."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: handos("run", *arguments, "--weights", weights, monkeypatch=monkeypatch)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in (1, 2, 10):
        write_image(tmp_path / "images" / f"{number}.png", np.full((240, 320, 3), 90, np.uint8))
    return Path("images")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for _ in range(5):
            writer.write(np.full((240, 320, 3), 90, np.uint8))
    return Path("clip.mp4")


def lines_of(out: str, name: str = "hands.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(out) / name).read_text().splitlines()]


def frames_of(out: str, name: str = "hands.jsonl") -> list[tuple[str, int]]:
    return [(line["source"], line["frame"]) for line in lines_of(out, name)]


def record_of(out: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((Path(out) / "hands.run.json").read_text())
    return record


def files_in(folder: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, type[BaseException]], None]:
    """Let the network raise an error on the image behind a number of images."""
    original = HandPipeline.__call__

    def arrange(count: int, error: type[BaseException]) -> None:
        left = iter(range(count))

        def estimate(*arguments: Any) -> Any:
            if next(left, None) is None:
                monkeypatch.setattr(HandPipeline, "__call__", original)
                raise error
            return original(*arguments)

        monkeypatch.setattr(HandPipeline, "__call__", estimate)

    return arrange


def test_bad_files_are_listed_at_the_end_and_everything_else_is_complete(
    run: Run, images: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "2.png").write_bytes(b"not an image")
    Path("text.mp4").write_text("not a video")
    assert run("gone.mp4", images, "text.mp4", video, "--out", "out", "--overlay") == 1
    captured = capsys.readouterr()
    assert "7 frames, hands in 7" in captured.out
    failures = captured.err.strip().splitlines()[-4:]
    assert failures[0].startswith("handos: 3 failed")
    assert all(name in failure for name, failure in zip(("gone.mp4", "text.mp4", "2.png"), failures[1:], strict=True))
    assert frames_of("out") == [("images/1.png", 0), ("images/10.png", 2), *(("clip.mp4", i) for i in range(5))]
    assert files_in("out") == {
        "hands.jsonl",
        "hands.run.json",
        "overlay/clip.mp4",
        "overlay/images/1.png",
        "overlay/images/10.png",
    }
    assert len(record_of("out")["failures"]) == 3


def test_a_video_that_breaks_off_ends_in_exit_code_1_with_both_numbers(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = cv2.VideoWriter("a.avi", cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for _ in range(20):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()
    data = Path("a.avi").read_bytes()
    Path("a.avi").write_bytes(data[: len(data) * 2 // 3])
    assert run("a.avi", "--out", "out") == 1
    message = capsys.readouterr().err
    assert f"a.avi: {len(lines_of('out'))} frames could be read" in message
    assert "announces 20" in message


def test_without_any_source_nothing_is_loaded_or_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(HandPipeline, "load", lambda *_, **__: pytest.fail("the network was loaded"))
    assert run("gone.mp4", "away.png", "--out", "out") == 1
    assert {"gone.mp4", "away.png"} <= set(capsys.readouterr().err.replace("source ", "").split())
    assert not Path("out").exists()


@pytest.mark.parametrize("held", ["hands.jsonl", "hands.partial.jsonl", "hands.run.json", "overlay/a.png"])
def test_a_folder_with_results_is_refused_before_the_network_is_loaded(
    held: str, run: Run, images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(HandPipeline, "load", lambda *_, **__: pytest.fail("the network was loaded"))
    (Path("out") / held).parent.mkdir(parents=True)
    (Path("out") / held).write_text("earlier results")
    assert run(images, "--out", "out") == 1
    message = capsys.readouterr().err
    assert held.split("/")[0] in message
    assert "--resume" in message
    assert "--overwrite" in message
    assert files_in("out") == {held}


def test_overwriting_deletes_stale_results_and_nothing_else(run: Run, images: Path, video: Path) -> None:
    assert run(images, video, "--out", "out", "--overlay") == 0
    for own in ("out/notes.txt", "out/overlay/images/notes.txt", "out/overlay/mine.mp4"):
        Path(own).write_text("the user's own")
    assert run(images / "1.png", "--out", "out", "--overwrite") == 0
    assert frames_of("out") == [("images/1.png", 0)]
    own_files = {"notes.txt", "overlay/images/notes.txt", "overlay/mine.mp4"}
    assert files_in("out") == {"hands.jsonl", "hands.run.json"} | own_files


def test_overwriting_a_source_is_refused(run: Run, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(video, "--out", "out", "--overlay") == 0
    before = {path: (Path("out") / path).read_bytes() for path in files_in("out")}
    assert run("out/overlay/clip.mp4", "--out", "out", "--overwrite") == 1
    assert run("out/overlay/clip.mp4", "--out", "out", "--overwrite", "--overlay") == 1
    assert "clip.mp4" in capsys.readouterr().err
    assert {path: (Path("out") / path).read_bytes() for path in files_in("out")} == before


def test_results_of_unknown_origin_are_neither_overwritten_nor_continued(run: Run, images: Path) -> None:
    Path("out/overlay").mkdir(parents=True)
    Path("out/overlay/holiday.png").write_text("the user's own")
    Path("out/hands.jsonl").write_text("the user's own")
    assert run(images, "--out", "out", "--overwrite") == 1
    assert run(images, "--out", "out", "--resume") == 1
    assert files_in("out") == {"hands.jsonl", "overlay/holiday.png"}


def test_resume_and_overwrite_exclude_each_other(run: Run, images: Path) -> None:
    assert run(images, "--out", "out", "--resume", "--overwrite") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("options", [(), ("--overlay",), ("--track", "--fps", 10)])
def test_an_interrupted_folder_is_continued(
    options: tuple[str, ...],
    run: Run,
    images: Path,
    stop_after: Callable[[int, type[BaseException]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(images, "--out", "whole", *options) == 0
    stop_after(2, KeyboardInterrupt)
    assert run(images, "--out", "out", *options) == 130
    message = capsys.readouterr().err
    assert "2 frames are safe in out/hands.partial.jsonl" in message
    assert "--resume" in message
    assert frames_of("out", "hands.partial.jsonl") == [("images/1.png", 0), ("images/2.png", 1)]
    assert run(images, "--out", "out", *options, "--resume") == 0
    assert lines_of("out") == lines_of("whole")
    assert files_in("out") == files_in("whole")


@pytest.mark.parametrize(("options", "kept"), [((), 3), (("--track",), 0), (("--overlay",), 0)])
def test_an_interrupted_video_is_continued_or_begun_again(
    options: tuple[str, ...],
    kept: int,
    run: Run,
    video: Path,
    images: Path,
    stop_after: Callable[[int, type[BaseException]], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("other.mp4").write_bytes(video.read_bytes())
    assert run(video, "other.mp4", "--out", "whole", *options) == 0
    stop_after(8, KeyboardInterrupt)
    assert run(video, "other.mp4", "--out", "out", *options) == 130
    capsys.readouterr()
    assert run(video, "other.mp4", "--out", "out", *options, "--resume") == 0
    assert f"{5 - kept} frames ({5 + kept} kept from before)" in capsys.readouterr().out
    assert lines_of("out") == lines_of("whole")
    assert files_in("out") == files_in("whole")


def test_a_killed_run_is_continued(run: Run, images: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import os, sys\n"
        "from handos_model.inference.pipeline import HandPipeline\n"
        "from handos_model.commands.cli import main\n"
        "original, left = HandPipeline.__call__, iter(range(2))\n"
        "HandPipeline.__call__ = lambda *a: original(*a) if next(left, None) is not None else os._exit(9)\n"
        "main()\n"
    )
    arguments = ["run", str(images), "--out", "out", "--weights", str(weights)]
    assert subprocess.run([sys.executable, "-c", program, *arguments]).returncode == 9
    assert run(images, "--out", "out", "--resume") == 0
    assert "1 frames (2 kept from before)" in capsys.readouterr().out
    assert len(lines_of("out")) == 3


def test_what_failed_is_tried_again_by_a_resumed_run(run: Run, images: Path) -> None:
    good = (images / "2.png").read_bytes()
    (images / "2.png").write_bytes(b"not an image")
    assert run(images, "--out", "out") == 1
    (images / "2.png").write_bytes(good)
    assert run(images, "--out", "out", "--resume") == 0
    assert sorted(frames_of("out")) == [("images/1.png", 0), ("images/10.png", 2), ("images/2.png", 1)]
    assert record_of("out")["failures"] == []


def test_results_are_not_continued_with_other_options(
    run: Run, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(images, "--out", "out", "--field-of-view", 60) == 0
    before = Path("out/hands.jsonl").read_bytes()
    assert run(images, "--out", "out", "--field-of-view", 50, "--resume") == 1
    message = capsys.readouterr().err
    assert all(part in message for part in ("--field-of-view", "60", "50"))
    assert Path("out/hands.jsonl").read_bytes() == before


def test_resuming_nothing_begins(run: Run, images: Path) -> None:
    assert run(images, "--out", "out", "--resume") == 0
    assert len(lines_of("out")) == 3


@pytest.mark.parametrize("option", ["--vertices", "--overlay"])
def test_on_a_full_disk_the_message_tells_what_is_safe(
    option: str, run: Run, images: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with size_limit(60_000 if option == "--vertices" else 2_000):
        assert run(video, images, "--out", "out", option, "--field-of-view", 60) == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    safe = len(lines_of("out", "hands.partial.jsonl")) if Path("out/hands.partial.jsonl").exists() else 0
    assert "make room" in message
    assert f"{safe} frame" in message or "no results were written" in message
    assert run(video, images, "--out", "out", option, "--field-of-view", 60, "--resume") == 0
    assert len(lines_of("out")) == 8


def test_tracking_images_without_time_is_refused(run: Run, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(images, "--out", "out", "--track") == 1
    assert "--fps" in capsys.readouterr().err
    assert not Path("out").exists()


def test_images_with_a_rate_are_tracked(run: Run, images: Path) -> None:
    assert run(images, "--out", "out", "--track", "--fps", 10) == 0
    lines = lines_of("out")
    assert [line["stamp"] for line in lines] == pytest.approx([0, 0.1, 0.2])
    assert [[hand["id"] for hand in line["hands"]] for line in lines] == [[1, 2]] * 3


def test_a_rate_in_vain_is_refused(run: Run, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(video, "--out", "out", "--fps", 10) == 1
    assert "--fps" in capsys.readouterr().err


def test_a_file_instead_of_a_folder_is_refused(run: Run, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes").write_text("the user's own")
    for out in ("notes", "images/1.png", "new.mp4"):
        assert run(images, "--out", out) == 1
        assert f"--out {out}" in capsys.readouterr().err
    assert Path("notes").read_text() == "the user's own"


def test_the_overlays_of_a_parent_folder_stay_in_their_folder(
    run: Run, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / "below").mkdir()
    monkeypatch.chdir(images / "below")
    assert run("..", "--out", "out", "--overlay") == 0
    assert files_in("out/overlay") == {"images/1.png", "images/2.png", "images/10.png"}


def test_folders_below_a_folder_have_overlays_in_folders_of_their_own(run: Run) -> None:
    for name in ("a/1.png", "b/1.png"):
        write_image(Path("tree") / name, np.full((240, 320, 3), 90, np.uint8))
    drawn, mine = Path("out/overlay/tree"), Path("out/overlay/tree/a/mine.txt")
    assert run("tree", "--out", "out", "--overlay") == 0
    assert [drawn.joinpath(name).is_file() for name in ("a/1.png", "b/1.png")] == [True, True]
    assert run("tree", "--out", "out", "--overlay", "--resume") == 0
    assert frames_of("out") == [("tree/a/1.png", 0), ("tree/b/1.png", 1)]
    mine.touch()
    assert run("tree", "--out", "out", "--overwrite") == 0
    assert list(Path("out/overlay").rglob("*.*")) == [mine]


def test_results_inside_of_the_folder_that_is_read_are_not_read_themselves(run: Run) -> None:
    write_image(Path("tree/a.png"), np.full((240, 320, 3), 90, np.uint8))
    for _ in range(2):
        assert run("tree", "--out", "tree/results", "--overlay", "--overwrite") == 0
        assert frames_of("tree/results") == [("tree/a.png", 0)]
    assert Path("tree/results/overlay/tree/a.png").is_file()


def test_a_folder_below_the_overlays_is_not_overwritten_while_it_is_read(run: Run) -> None:
    write_image(Path("tree/a/b/1.png"), np.full((240, 320, 3), 90, np.uint8))
    assert run("tree", "--out", "out", "--overlay") == 0
    assert run("out/overlay/tree/a", "--out", "out", "--overwrite") == 1
    assert Path("out/overlay/tree/a/b/1.png").is_file()


def test_a_camera_cannot_be_resumed(weights: Path, tmp_path: Path) -> None:
    from handos_model.recordings.camera_choice import CameraChoice
    from handos_model.recordings.source import FrameSource

    recorder = Recorder(HandPipeline.load(weights), tmp_path / "out", CameraChoice(), existing="resume")
    with pytest.raises(ValueError, match=r"camera 0.*--resume"):
        recorder.record([FrameSource("camera 0", iter(()), None, 30.0, "live")])


def test_metres_that_cannot_be_true_are_left_out_and_counted(
    run: Run, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The same pixels seen by a camera of twice the height: joints and camera contradict each other.
    (tmp_path / "camera.json").write_text('{"fx": 400, "fy": 1500, "cx": 160, "cy": 120}')
    assert run(images, "--out", "out", "--camera", "camera.json") == 0
    assert [hand["joints_3d"] for line in lines_of("out") for hand in line["hands"]] == [None] * 6
    assert "6 hands" in capsys.readouterr().out


def test_a_camera_that_cannot_be_of_these_images_is_refused(run: Run, images: Path, tmp_path: Path) -> None:
    (tmp_path / "camera.json").write_text('{"fx": 0.4, "fy": 0.4, "cx": 160, "cy": 120}')
    assert run(images, "--out", "out", "--camera", "camera.json") == 1
    assert lines_of("out") == []


def test_an_image_that_the_camera_does_not_fit_costs_only_itself(
    run: Run, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(tmp_path / "images" / "2.png", np.full((30, 40, 3), 90, np.uint8))
    (tmp_path / "camera.json").write_text('{"fx": 400, "fy": 400, "cx": 160, "cy": 120}')
    assert run(images, "--out", "out", "--camera", "camera.json") == 1
    assert [Path(source).name for source, _ in frames_of("out")] == ["1.png", "10.png"]
    assert "images/2.png: cx = 160" in capsys.readouterr().err


def test_an_impossible_field_of_view_costs_no_earlier_results(run: Run, images: Path) -> None:
    assert run(images, "--out", "out") == 0
    assert run(images, "--out", "out", "--overwrite", "--field-of-view", "180") == 1
    assert len(lines_of("out")) == 3


def test_a_tracked_folder_that_grew_is_named_when_it_is_resumed(
    run: Run, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(images, "--out", "out", "--track", "--fps", "10") == 0
    write_image(tmp_path / "images" / "11.png", np.full((240, 320, 3), 90, np.uint8))
    assert run(images, "--out", "out", "--track", "--fps", "10", "--resume") == 1
    assert "4 images now, of which 3 are in the results" in capsys.readouterr().err
    assert len(lines_of("out")) == 3


def test_a_tracked_hand_does_not_outlive_a_change_of_image_size(run: Run, tmp_path: Path) -> None:
    for number in range(8):
        size = (240, 320, 3) if number < 4 else (120, 160, 3)
        write_image(tmp_path / "images" / f"{number}.png", np.full(size, 90, np.uint8))
    assert run("images", "--out", "out", "--track", "--fps", "30") == 0
    ids = [[hand["id"] for hand in line["hands"]] for line in lines_of("out")]
    assert ids == [[1, 2]] * 4 + [[3, 4]] * 4


@pytest.mark.parametrize("source", ["99999999999999999999", "2147483648", "rtsp://[x"])
def test_a_source_that_is_nothing_costs_only_itself(
    source: str, run: Run, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(images, source, "--out", "out") == 1
    assert len(lines_of("out")) == 3
    assert source in capsys.readouterr().err


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    write_bag(tmp_path / "drive", camera_messages(5))
    return Path("drive")


def test_a_bag_has_metres_by_its_own_camera_and_its_own_stamps(run: Run, bag: Path) -> None:
    assert run(bag, "--out", "out", "--overlay", "--track") == 0
    lines = lines_of("out")
    assert [(line["source"], line["frame"]) for line in lines] == [("drive:/camera/image_raw", k) for k in range(5)]
    assert lines[1]["stamp"] == pytest.approx((START + STEP) / 1e9, abs=1e-6)
    assert lines[1]["header"] == {"stamp": START + STEP, "frame_id": "camera_optical_frame"}
    assert lines[1]["camera"] == [CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy]
    assert not lines[1]["camera_is_assumed"]
    assert all(hand["joints_3d"] is not None for line in lines for hand in line["hands"])
    assert files_in("out") == {"hands.jsonl", "hands.run.json", "overlay/drive_camera_image_raw.mp4"}


def test_the_users_camera_replaces_that_of_a_bag_and_a_field_of_view_does_not(run: Run, bag: Path) -> None:
    Path("camera.json").write_text('{"fx": 500, "fy": 500, "cx": 160, "cy": 120}')
    assert run(bag, "--out", "own", "--camera", "camera.json") == 0
    assert lines_of("own")[0]["camera"] == [500, 500, 160, 120]
    assert run(bag, "--out", "assumed", "--field-of-view", 60) == 0
    assert lines_of("assumed")[0]["camera"][0] == CAMERA.fx


def test_the_lens_and_the_depth_of_a_bag_move_the_hands(run: Run, tmp_path: Path) -> None:
    depth = raw_image(np.full((240, 320), 700, "<u2"), START, "16UC1")
    image = raw_image(grey(90), START)
    plain = [Recorded("/c/camera_info", START, camera_info(CAMERA, START)), Recorded("/c/image_raw", START, image)]
    lens = Recorded("/c/camera_info", START, camera_info(CAMERA, START, d=[0.3, 0, 0, 0, 0]))
    write_bag(tmp_path / "plain", plain)
    write_bag(tmp_path / "lens", [lens, plain[1]])
    write_bag(tmp_path / "deep", [*plain, Recorded("/c/aligned_depth", START, depth)])
    assert run("plain", "lens", "--out", "out") == 0
    assert run("deep", "--depth-topic", "/c/aligned_depth", "--out", "deeper") == 0
    without, with_lens, with_depth = (line["hands"][0] for line in (*lines_of("out"), *lines_of("deeper")))
    assert with_lens["joints_2d"] == without["joints_2d"]
    assert with_lens["joints_3d"] != without["joints_3d"]
    assert without["depth_residual"] is None
    assert with_depth["depth_residual"] == pytest.approx(0.7 - without["joints_3d"][9][2], abs=0.05)


def test_several_cameras_of_a_bag_are_several_sources(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bag(tmp_path / "drive", [*camera_messages(2, "/left"), *camera_messages(3, "/right")])
    assert run("drive", "--out", "out") == 1
    assert "/left/image_raw, /right/image_raw" in capsys.readouterr().err
    topics = ("--topic", "/left/image_raw", "--topic", "/right/image_raw")
    assert run("drive", *topics, "--out", "out", "--overlay") == 0
    assert [source for source, _ in frames_of("out")] == ["drive:/left/image_raw"] * 2 + ["drive:/right/image_raw"] * 3
    assert {"overlay/drive_left_image_raw.mp4", "overlay/drive_right_image_raw.mp4"} <= files_in("out")


def test_topics_without_a_bag_are_refused(run: Run, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(video, "--topic", "/image", "--out", "out") == 1
    assert "--topic" in capsys.readouterr().err


def test_a_damaged_bag_ends_in_exit_code_1_and_what_it_holds_is_complete(
    run: Run, bag: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_bag(tmp_path / "cut", camera_messages(20))
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    Path("text.mcap").write_text("not a bag")
    assert run("cut", "text.mcap", bag, images, "--out", "out") == 1
    sources = [source for source, _ in frames_of("out")]
    assert sources.count("drive:/camera/image_raw") == 5
    assert sources.count("cut:/camera/image_raw") == 10
    failures = capsys.readouterr().err
    assert "10 of 20 images could be read" in failures
    assert "text.mcap" in failures


@pytest.mark.parametrize("options", [(), ("--track",), ("--overlay",)])
def test_an_interrupted_bag_is_continued_or_begun_again(
    options: tuple[str, ...], run: Run, bag: Path, stop_after: Callable[[int, type[BaseException]], None]
) -> None:
    assert run(bag, "--out", "whole", *options) == 0
    stop_after(3, KeyboardInterrupt)
    assert run(bag, "--out", "out", *options) == 130
    assert run(bag, "--out", "out", *options, "--resume") == 0
    assert lines_of("out") == lines_of("whole")
    assert files_in("out") == files_in("whole")


ALL_FORMATS = ("mcap", "parquet", "ply", "glb", "lerobot")
FORMAT_OPTIONS = tuple(part for name in ALL_FORMATS for part in ("--format", name))


def test_every_format_lies_in_a_folder_of_its_own(run: Run, video: Path, bag: Path) -> None:
    assert run(video, bag, "--out", "out", "--field-of-view", 60, *FORMAT_OPTIONS, "--task", "Wave.") == 0
    files = files_in("out")
    stems = ("clip", "drive_camera_image_raw")
    assert {f"{name}/{stem}.{name}" for name in ("mcap", "parquet") for stem in stems} <= files
    assert {f"glb/{stem}/00000{k}.glb" for stem in stems for k in range(5)} <= files
    assert sum(file.startswith("ply/clip/") for file in files) == 10
    info = json.loads(Path("out/lerobot/meta/info.json").read_text())
    assert (info["total_episodes"], info["total_frames"]) == (2, 10)
    assert len(lines_of("out")) == 10


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("clip.mp4", "--format", "csv"), "csv"),
        (("clip.mp4", "--format", "glb"), "--field-of-view"),
        (("images", "--field-of-view", 60, "--format", "lerobot"), "--fps"),
        (("clip.mp4", "copy/clip.mp4", "--format", "parquet"), "clip"),
    ],
)
def test_formats_that_cannot_be_written_are_refused_before_anything_is(
    arguments: tuple[str, ...],
    named: str,
    run: Run,
    images: Path,
    video: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("copy").mkdir()
    Path("copy/clip.mp4").write_bytes(video.read_bytes())
    assert run(*arguments, "--out", "out") == 1
    assert named in capsys.readouterr().err
    assert not Path("out").exists()


def rows_of(out: str) -> list[dict[str, Any]]:
    rows = [row for path in sorted(Path(out, "parquet").iterdir()) for row in parquet.read_table(path).to_pylist()]
    data = parquet.read_table(Path(out, "lerobot", "data")).to_pylist()
    return rows + data


@pytest.mark.parametrize("stop", [2, 5, 7, 12])
def test_an_interrupted_run_with_all_formats_is_continued_to_the_same_rows(
    stop: int,
    run: Run,
    images: Path,
    video: Path,
    bag: Path,
    stop_after: Callable[[int, type[BaseException]], None],
) -> None:
    command = (images, video, bag, "--field-of-view", 60, "--fps", 25, "--track", *FORMAT_OPTIONS)
    assert run(*command, "--out", "whole") == 0
    stop_after(stop, KeyboardInterrupt)
    assert run(*command, "--out", "out") == 130
    assert run(*command, "--out", "out", "--resume") == 0
    assert files_in("out") == files_in("whole")
    assert lines_of("out") == lines_of("whole")
    assert rows_of("out") == rows_of("whole")


def test_a_source_that_failed_joins_the_data_set_when_it_is_resumed(run: Run, video: Path, tmp_path: Path) -> None:
    file = write_bag(tmp_path / "cut", camera_messages(20))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    command = (video, "cut", "--field-of-view", 60, "--format", "lerobot", "--out", "out")
    assert run(*command) == 1
    assert json.loads(Path("out/lerobot/meta/info.json").read_text())["total_frames"] == 5 + 10
    file.write_bytes(whole)
    assert run(*command, "--resume") == 0
    assert json.loads(Path("out/lerobot/meta/info.json").read_text())["total_frames"] == 5 + 20


def test_overwriting_deletes_the_files_of_all_formats_and_nothing_else(run: Run, images: Path, video: Path) -> None:
    assert run(video, "--out", "out", "--field-of-view", 60, *FORMAT_OPTIONS) == 0
    own = {"mcap/own.mcap", "ply/clip/own.ply", "lerobot/README.md"}
    for name in own:
        Path("out", name).write_text("the user's own")
    assert run(video, "--out", "out") == 1
    assert run(images, "--out", "out", "--overwrite") == 0
    assert files_in("out") == {"hands.jsonl", "hands.run.json"} | own


def test_overwriting_the_mcap_file_that_is_read_is_refused(run: Run, video: Path) -> None:
    assert run(video, "--out", "out", "--format", "mcap") == 0
    before = Path("out/mcap/clip.mcap").read_bytes()
    assert run("out/mcap/clip.mcap", "--out", "out", "--overwrite") == 1
    assert run("out/mcap", "--out", "out", "--overwrite") == 1
    assert Path("out/mcap/clip.mcap").read_bytes() == before


@pytest.mark.parametrize("name", ["mcap", "parquet", "glb", "lerobot"])
def test_on_a_full_disk_a_format_leaves_no_half_file(
    name: str, run: Run, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (video, "--out", "out", "--field-of-view", 60, "--vertices", "--format", name)
    with size_limit(4_000):
        assert run(*command) == 1
    assert "make room" in capsys.readouterr().err
    assert all(".partial." in file for file in files_in("out") if file.startswith(name))
    assert run(*command, "--resume") == 0
    assert len(lines_of("out")) == 5


def test_a_run_with_all_formats_that_is_killed_is_continued_to_the_same_files(
    run: Run, video: Path, bag: Path, weights: Path
) -> None:
    program = (
        "import os\n"
        "from handos_model.inference.pipeline import HandPipeline\n"
        "from handos_model.commands.cli import main\n"
        "original, left = HandPipeline.__call__, iter(range(7))\n"
        "HandPipeline.__call__ = lambda *a: original(*a) if next(left, None) is not None else os.kill(os.getpid(), 9)\n"
        "main()\n"
    )
    command = (video, bag, "--field-of-view", 60, *FORMAT_OPTIONS)
    assert run(*command, "--out", "whole") == 0
    arguments = [*map(str, command), "--out", "out", "--weights", str(weights)]
    assert subprocess.run([sys.executable, "-c", program, "run", *arguments]).returncode == -9
    assert run(*command, "--out", "out", "--resume") == 0
    assert files_in("out") == files_in("whole")
    assert lines_of("out") == lines_of("whole")
    assert rows_of("out") == rows_of("whole")


def test_a_source_added_to_a_run_does_not_replace_the_files_of_another(run: Run, video: Path) -> None:
    Path("copy").mkdir()
    Path("copy/clip.mp4").write_bytes(video.read_bytes())
    assert run(video, "--out", "out", "--format", "parquet") == 0
    before = Path("out/parquet/clip.parquet").read_bytes()
    assert run("copy/clip.mp4", "--out", "out", "--format", "parquet", "--resume") == 1
    assert Path("out/parquet/clip.parquet").read_bytes() == before


def test_all_that_was_written_is_named(run: Run, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--overlay", "--format", "parquet", "--format", "mcap", "--field-of-view", 60)
    assert run(video, "--out", "out", *options) == 0
    assert capsys.readouterr().out.strip().endswith("-> out/hands.jsonl, out/overlay, out/parquet, out/mcap")


def test_what_will_have_no_metres_is_told_with_the_remedy(
    run: Run, video: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(video, images, "--out", "out") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "clip.mp4 and 1 more" in line
    assert "--field-of-view 60" in line
    assert run(video, "--out", "with_view", "--field-of-view", 60) == 0
    assert capsys.readouterr().err == ""


def test_of_a_calibrated_bag_no_lack_of_metres_is_told(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bag(tmp_path / "drive", camera_messages(3))
    assert run("drive", "--out", "out") == 0
    assert capsys.readouterr().err == ""


def test_a_format_that_needs_metres_is_refused_in_one_line_before_the_network_is_loaded(
    run: Run, video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(HandPipeline, "load", lambda *_, **__: pytest.fail("the network was loaded"))
    assert run(video, "--out", "out", "--format", "glb") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "--format glb needs metres" in line
    assert not Path("out").exists()
