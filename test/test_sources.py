"""Reading pictures, folders and videos, and writing videos: what goes out comes back in."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from handos_model.io.overlay_files import write_image
from handos_model.io.source import SourceError, open_source
from handos_model.io.video_writer import VideoWriter


def grey(level: int) -> np.ndarray:
    return np.full((48, 64, 3), level, np.uint8)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, frame_rate=25) as writer:
        for level in (50, 100, 150):
            writer.write(grey(level))
    return path


def test_a_picture_is_one_frame(tmp_path: Path) -> None:
    write_image(tmp_path / "hand.png", grey(77))
    source = open_source(tmp_path / "hand.png")
    (frame,) = source.frames
    assert (source.frame_count, source.is_video) == (1, False)
    assert (frame.source, frame.index) == (str(tmp_path / "hand.png"), 0)
    np.testing.assert_array_equal(frame.image, grey(77))


def test_a_folder_gives_its_pictures_in_order_and_skips_the_rest(tmp_path: Path) -> None:
    for name, level in (("b.png", 2), ("a.PNG", 1), ("c.bmp", 3)):
        write_image(tmp_path / name, grey(level))
    (tmp_path / "notes.txt").write_text("no picture")
    source = open_source(str(tmp_path))
    frames = list(source.frames)
    assert source.frame_count == 3
    assert [Path(frame.source).name for frame in frames] == ["a.PNG", "b.png", "c.bmp"]
    assert [frame.image[0, 0, 0] for frame in frames] == [1, 2, 3]
    assert [frame.index for frame in frames] == [0, 1, 2]


def test_names_beyond_ascii_are_read(tmp_path: Path) -> None:
    write_image(tmp_path / "手.png", grey(5))
    assert next(open_source(tmp_path / "手.png").frames).image[0, 0, 0] == 5


def test_a_video_gives_its_frames_with_times(video: Path) -> None:
    source = open_source(video)
    frames = list(source.frames)
    assert source.is_video
    assert source.frame_count == 3
    assert source.frame_rate == pytest.approx(25)
    assert [frame.stamp for frame in frames] == pytest.approx([0, 0.04, 0.08])
    assert [frame.image.mean() for frame in frames] == pytest.approx([50, 100, 150], abs=4)


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4 does not exist: give an image"):
        open_source(tmp_path / "gone.mp4")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceError, match=rf"{tmp_path.name} holds no images"):
        open_source(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(SourceError, match=r"clip\.mp4 cannot be read.*ffmpeg"):
        open_source(tmp_path / "clip.mp4")


def test_a_truncated_video_is_refused(video: Path) -> None:
    video.write_bytes(video.read_bytes()[:200])
    with pytest.raises(SourceError, match="damaged"):
        open_source(video)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_damaged_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "hand.jpg").write_bytes(content)
    with pytest.raises(SourceError, match=r"hand\.jpg cannot be read"):
        next(open_source(tmp_path / "hand.jpg").frames)


def test_a_camera_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match=r"camera 97 gives no picture.*plugged in"):
        open_source("97")


def test_an_unfinished_video_does_not_get_its_name(tmp_path: Path) -> None:
    def write_until_interrupted() -> None:
        with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
            writer.write(grey(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_until_interrupted()
    assert not (tmp_path / "clip.mp4").exists()


def test_a_video_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip.partial.mp4").mkdir()
    with pytest.raises(OSError, match=r"clip\.mp4 cannot be written"), VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        writer.write(grey(1))


def test_written_pictures_can_be_read_by_others(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", grey(9))
    assert (cv2.imread(str(tmp_path / "a.png")) == 9).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
