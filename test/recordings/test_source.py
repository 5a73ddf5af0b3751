"""Reading images, folders and videos, and writing videos."""

import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from full_disk import size_limit

from handos_model.files.images import ImageFileError, write_image
from handos_model.recordings.frame import SourceError
from handos_model.recordings.source import open_source
from handos_model.recordings.video_writer import VideoWriter


def grey(level: int) -> np.ndarray:
    return np.full((48, 64, 3), level, np.uint8)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, frame_rate=25) as writer:
        for level in (50, 100, 150):
            writer.write(grey(level))
    return path


def test_an_image_is_one_frame(tmp_path: Path) -> None:
    write_image(tmp_path / "hand.png", grey(77))
    source = open_source(tmp_path / "hand.png")
    (frame,) = source.frames
    assert (source.frame_count, source.is_video) == (1, False)
    assert (frame.source, frame.index) == (str(tmp_path / "hand.png"), 0)
    np.testing.assert_array_equal(frame.image, grey(77))


def test_a_folder_yields_its_images_in_order_and_skips_other_files(tmp_path: Path) -> None:
    for name, level in (("b.png", 2), ("a.PNG", 1), ("c.bmp", 3)):
        write_image(tmp_path / name, grey(level))
    (tmp_path / "notes.txt").write_text("not an image")
    source = open_source(str(tmp_path))
    frames = list(source.frames)
    assert source.frame_count == 3
    assert [Path(frame.source).name for frame in frames] == ["a.PNG", "b.png", "c.bmp"]
    assert [frame.image[0, 0, 0] for frame in frames] == [1, 2, 3]
    assert [frame.index for frame in frames] == [0, 1, 2]


def test_images_with_non_ascii_names_are_read(tmp_path: Path) -> None:
    write_image(tmp_path / "手.png", grey(5))
    assert next(open_source(tmp_path / "手.png").frames).image[0, 0, 0] == 5


def test_a_video_yields_its_frames_with_their_times(video: Path) -> None:
    source = open_source(video)
    frames = list(source.frames)
    assert source.is_video
    assert source.frame_count == 3
    assert source.frame_rate == pytest.approx(25)
    assert [frame.stamp for frame in frames] == pytest.approx([0, 0.04, 0.08])
    assert [frame.image.mean() for frame in frames] == pytest.approx([50, 100, 150], abs=4)


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.mp4"):
        open_source(tmp_path / "missing.mp4")


def test_a_mistyped_source_is_told_the_nearest_and_all_that_can_be_given(video: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        open_source(video.with_name("clpi.mp4"))
    assert f"did you mean {video}?" in str(raised.value)
    for kind in ("an image", "a folder", "a video", "a bag", "camera's number", "https://", "rtsp://"):
        assert kind in str(raised.value)


@pytest.mark.parametrize("name", ["clip.mp4", "drive.mcap"])
def test_a_folder_of_recordings_names_the_command_for_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "day" / "one").mkdir(parents=True)
    (tmp_path / "day" / "one" / name).touch()
    with pytest.raises(SourceError, match=rf"{name}.*`handos annotate {tmp_path}"):
        open_source(tmp_path)


def test_recordings_beside_images_are_left_out_with_a_warning(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_image(tmp_path / "a.png", grey(1))
    assert open_source(tmp_path).frame_count == 1
    (message,) = caplog.messages
    assert str(video) in message


def test_videos_that_handos_run_wrote_into_a_folder_are_no_recordings_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_image(tmp_path / "a.png", grey(1))
    for name in ("out/hands.run.json", "out/overlay/clip.mp4", "out/lerobot/videos/file-000.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert open_source(tmp_path).frame_count == 1
    assert not caplog.messages


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(SourceError, match=tmp_path.name):
        open_source(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a video"])
def test_a_file_that_is_not_a_video_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(SourceError, match=r"clip\.mp4.*ffmpeg"):
        open_source(tmp_path / "clip.mp4")


def test_a_truncated_video_is_refused(video: Path) -> None:
    video.write_bytes(video.read_bytes()[:200])
    with pytest.raises(SourceError, match=r"clip\.mp4"):
        open_source(video)


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_a_damaged_image_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hand.jpg").write_bytes(content)
    with pytest.raises(ImageFileError, match=r"hand\.jpg"):
        next(open_source(tmp_path / "hand.jpg").frames)


@pytest.mark.parametrize("name", ["97", "/dev/video97"])
def test_a_missing_camera_is_named(name: str) -> None:
    with pytest.raises(SourceError, match="camera 97"):
        open_source(name)


@pytest.mark.parametrize("asked_for", [False, True])
def test_only_our_own_message_tells_of_what_cannot_be_read(tmp_path: Path, asked_for: bool) -> None:
    whole = cv2.VideoWriter(str(tmp_path / "whole.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    whole.write(grey(9))
    whole.release()
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes().partition(b"moov")[0])  # its index
    program = (
        "from handos_model.recordings.source import open_source\n"
        "for source in ('97', 'cut.mp4', 'rtsp://127.0.0.1:9/stream'):\n"
        "    try: open_source(source)\n"
        "    except ValueError: pass\n"
    )
    variables = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV_")}
    if asked_for:
        variables |= {"OPENCV_LOG_LEVEL": "WARNING", "OPENCV_FFMPEG_LOGLEVEL": "16"}
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, cwd=tmp_path, env=variables, check=True, capture_output=True, text=True)
    told = answer.stdout + answer.stderr
    assert ("V4L2" in told, "moov atom" in told) == (asked_for, asked_for)
    assert bool(told) == asked_for


def test_an_interrupted_video_is_kept_as_a_partial_file(tmp_path: Path) -> None:
    def write_until_interrupted() -> None:
        with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
            writer.write(grey(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_until_interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.partial.mp4"]
    assert len(list(open_source(tmp_path / "clip.partial.mp4").frames)) == 1


def test_a_finished_video_leaves_no_other_file(video: Path) -> None:
    assert list(video.parent.iterdir()) == [video]


def test_a_video_without_images_is_not_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "clip.mp4", 25):
        pass
    assert not list(tmp_path.iterdir())


def test_a_video_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clip.unknown"
    with pytest.raises(OSError, match=r"clip\.unknown cannot be written"), VideoWriter(path, 25) as writer:
        writer.write(grey(1))
    assert not list(tmp_path.iterdir())


def test_written_images_are_read_by_opencv(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", grey(9))
    assert (cv2.imread(str(tmp_path / "a.png")) == 9).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_goes_on_after_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    for name in ("1.png", "3.png"):
        write_image(tmp_path / name, grey(1))
    (tmp_path / "2.png").write_bytes(b"not an image")
    frames = open_source(tmp_path).frames
    assert next(frames).index == 0
    with pytest.raises(ImageFileError, match=r"2\.png"):
        next(frames)
    assert next(frames).index == 2
    assert next(frames, None) is None


def test_images_are_ordered_by_the_numbers_in_their_names(tmp_path: Path) -> None:
    for name in ("frame10.png", "frame9.png", "frame1.png"):
        write_image(tmp_path / name, grey(1))
    names = [Path(frame.source).name for frame in open_source(tmp_path).frames]
    assert names == ["frame1.png", "frame9.png", "frame10.png"]


def test_a_folder_with_a_frame_rate_is_a_sequence_in_time(tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / f"{number}.png", grey(1))
    source = open_source(tmp_path, image_rate=10)
    assert source.is_video
    assert [frame.stamp for frame in source.frames] == pytest.approx([0, 0.1, 0.2])


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_frame_rate_that_is_none_is_refused(tmp_path: Path, rate: float) -> None:
    write_image(tmp_path / "a.png", grey(1))
    with pytest.raises(ValueError, match=f"got {rate}"):
        open_source(tmp_path, image_rate=rate)


def test_the_images_of_folders_below_are_read_folder_by_folder(tmp_path: Path) -> None:
    for name in ("b10/1.png", "b9/2.png", "b9/10.png", "z.png", "b9/deeper/1.png", ".thumbnails/1.png"):
        write_image(tmp_path / name, grey(1))
    source = open_source(tmp_path)
    names = [str(Path(frame.source).relative_to(tmp_path)) for frame in source.frames]
    assert names == ["z.png", "b9/2.png", "b9/10.png", "b9/deeper/1.png", "b10/1.png"]
    assert source.frame_count == 5


def test_a_folder_whose_images_all_lie_below_is_read(tmp_path: Path) -> None:
    write_image(tmp_path / "left" / "today" / "a.png", grey(1))
    assert open_source(tmp_path).frame_count == 1


def test_the_overlays_of_an_earlier_run_are_no_images_of_a_folder(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", grey(1))
    write_image(tmp_path / "results" / "overlay" / "mine" / "a.png", grey(1))
    assert open_source(tmp_path).frame_count == 2
    (tmp_path / "results" / "hands.run.json").touch()
    assert open_source(tmp_path).frame_count == 1


def test_folders_below_a_sequence_are_named_as_sequences_of_their_own(tmp_path: Path) -> None:
    for name in ("a.png", "left/a.png", "right/a.png", "right/b.png"):
        write_image(tmp_path / name, grey(1))
    with pytest.raises(SourceError, match=f"in {tmp_path}/left, {tmp_path}/right, "):
        open_source(tmp_path, image_rate=30)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_error_and_one_below_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.png", "closed/a.png"):
        write_image(tmp_path / name, grey(1))
    (tmp_path / "closed").chmod(0)
    assert open_source(tmp_path).frame_count == 1
    assert "closed" in caplog.text
    with pytest.raises(PermissionError, match="closed"):
        open_source(tmp_path / "closed")


def test_a_video_that_lacks_images_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    rng = np.random.default_rng(0)

    def write_on_a_full_disk() -> None:
        with size_limit(20_000), VideoWriter(path, 25) as writer:
            for _ in range(20):
                writer.write(rng.integers(0, 256, (48, 64, 3), np.uint8))

    with pytest.raises(OSError, match=r"clip\.mp4"):
        write_on_a_full_disk()
    assert not path.exists()


def codec_of(video: Path) -> str:
    with av.open(str(video)) as container:
        return container.streams.video[0].codec_context.name


def test_videos_are_those_that_browsers_play(video: Path) -> None:
    assert codec_of(video) == "h264"


def test_without_pyav_videos_are_mpeg_4_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "handos_model.recordings.h264", raising=False)
    with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for level in (50, 100):
            writer.write(grey(level))
    assert len(list(open_source(writer.path).frames)) == 2
    assert codec_of(writer.path) == "mpeg4"
    assert "recordings" in caplog.text


def test_images_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        writer.write(grey(10))
        writer.write(np.full((24, 32, 3), 10, np.uint8))
    assert [frame.image.shape for frame in open_source(writer.path).frames] == [(48, 64, 3)] * 2


def test_a_video_whose_frames_would_fill_the_memory_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handos_model.files.image_header.MAX_PIXELS", 1000)
    with pytest.raises(SourceError, match=r"clip\.mp4 .*640 x 480"):
        open_source(Path(__file__).parents[2] / "demo" / "clip.mp4")


@pytest.mark.parametrize("source", ["", "  "])
def test_an_empty_source_is_not_taken_for_the_current_folder(source: str) -> None:
    with pytest.raises(FileNotFoundError, match="name a file, a folder, a camera or an address"):
        open_source(source)
