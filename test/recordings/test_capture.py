"""Frames of videos, cameras and streams: times that increase, and losses that are told."""

import math
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handos_model.recordings.capture import read_live, read_video
from handos_model.recordings.frame import Frame, SourceError
from handos_model.recordings.source import FrameSource, open_source

IMAGE = np.zeros((4, 4, 3), np.uint8)
FRAMES = 60


class ScriptedCapture:
    """`cv2.VideoCapture` of a video of the given stamps in seconds, ``None`` for a frame that cannot be read."""

    def __init__(self, stamps: Sequence[float | None], announced: float = 0, rate: float = 25) -> None:
        self._stamps = list(stamps)
        self._position = 0
        self._properties = {cv2.CAP_PROP_FRAME_COUNT: announced, cv2.CAP_PROP_FPS: rate}

    def read(self) -> tuple[bool, np.ndarray | None]:
        self._position += 1
        readable = self._position < len(self._stamps) and self._stamps[self._position] is not None
        return readable, IMAGE if readable else None

    def release(self) -> None:
        pass

    def get(self, propId: int) -> float:  # noqa: N803  # OpenCV's name
        if propId != cv2.CAP_PROP_POS_MSEC:
            return self._properties.get(propId, 4)
        stamp = self._stamps[self._position]
        return math.nan if stamp is None else 1000 * stamp


def frames_until_the_end(frames: "FrameSource | ScriptedCapture", name: str = "a.mp4") -> tuple[list[Frame], str]:
    """The frames of a video, and what it complains of at its end."""
    iterator = (
        frames.frames if isinstance(frames, FrameSource) else read_video(cast(cv2.VideoCapture, frames), IMAGE, name)
    )
    read: list[Frame] = []
    try:
        for frame in iterator:
            read.append(frame)
    except SourceError as error:
        return read, str(error)
    return read, ""


def write_video(path: Path, codec: str) -> Path:
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25, (160, 120))
    for level in range(FRAMES):
        image = np.full((120, 160, 3), 4 * level, np.uint8)
        image[:40] = rng.integers(0, 256, (40, 160, 3))
        writer.write(image)
    writer.release()
    return path


CONTAINERS = [("mp4", "mp4v"), ("avi", "MJPG"), ("avi", "XVID"), ("mkv", "mp4v"), ("webm", "VP80"), ("ts", "mp4v")]


@pytest.mark.parametrize(("suffix", "codec"), CONTAINERS)
def test_of_a_whole_video_nothing_is_missing(tmp_path: Path, suffix: str, codec: str) -> None:
    frames, complaint = frames_until_the_end(open_source(write_video(tmp_path / f"a.{suffix}", codec)))
    assert (len(frames), complaint) == (FRAMES, "")
    assert [frame.stamp for frame in frames] == pytest.approx(np.arange(FRAMES) / 25)


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "MJPG"), ("avi", "XVID"), ("mkv", "mp4v"), ("webm", "VP80")])
def test_a_video_that_breaks_off_tells_both_numbers(tmp_path: Path, suffix: str, codec: str) -> None:
    path = write_video(tmp_path / f"a.{suffix}", codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    frames, complaint = frames_until_the_end(open_source(path))
    assert 20 < len(frames) < 50
    assert f"{len(frames)} frames could be read" in complaint
    assert f"announces {FRAMES}" in complaint


def test_a_video_is_read_beyond_a_damage_and_tells_both_numbers(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", "mp4v")
    data = bytearray(path.read_bytes())
    half, tenth = len(data) // 2, len(data) // 10
    data[half : half + tenth] = b"\xff" * tenth
    path.write_bytes(data)
    frames, complaint = frames_until_the_end(open_source(path))
    assert 40 < len(frames) < FRAMES
    assert frames[-1].stamp == pytest.approx((FRAMES - 1) / 25)
    assert f"{len(frames)} frames could be read" in complaint
    assert f"announces {FRAMES}" in complaint


def test_a_video_of_varying_frame_rate_is_whole_if_it_lasts_to_its_end() -> None:
    stamps = [0, 0.4, 0.44, 2.0, 3.9]
    frames, complaint = frames_until_the_end(ScriptedCapture(stamps, announced=100), "a.mkv")
    assert (len(frames), complaint) == (5, "")
    assert "announces 200" in frames_until_the_end(ScriptedCapture(stamps, announced=200), "a.mkv")[1]


def test_sound_may_be_longer_than_the_images() -> None:
    stamps = np.arange(100) / 25
    assert frames_until_the_end(ScriptedCapture(stamps.tolist(), announced=108), "a.webm")[1] == ""


@pytest.mark.parametrize("announced", [-2.3e17, math.nan, math.inf])
def test_a_video_without_a_number_of_frames_is_read_to_its_end(announced: float) -> None:
    frames, complaint = frames_until_the_end(ScriptedCapture([0, 0.04], announced), "a.wmv")
    assert (len(frames), complaint) == (2, "")


STAMPS = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30)


@given(STAMPS, st.sampled_from([25.0, 1000.0, 0.0, math.nan, math.inf]))
def test_stamps_always_increase_whatever_the_file_says(stamps: list[float], rate: float) -> None:
    frames, _ = frames_until_the_end(ScriptedCapture(stamps, rate=rate))
    given = [frame.stamp for frame in frames]
    assert all(math.isfinite(stamp) for stamp in given)
    assert all(after > before for before, after in pairwise(given))


def test_stamps_that_stand_still_are_counted_by_the_frame_rate(caplog: pytest.LogCaptureFixture) -> None:
    frames, _ = frames_until_the_end(ScriptedCapture([0.0] * 4))
    assert [frame.stamp for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert len(caplog.records) == 1
    assert "a.mp4" in caplog.text


def test_stamps_that_go_back_are_counted_from_there() -> None:
    frames, _ = frames_until_the_end(ScriptedCapture([0, 0.04, 0.02, 0.12]))
    assert [frame.stamp for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12])


def test_the_time_of_a_camera_does_not_go_back_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", iter([1e9, *range(1000)]).__next__)
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)
    frames = read_live(cast(cv2.VideoCapture, ScriptedCapture([0, 0, 0])), IMAGE, "camera 0")
    given = [next(frames).stamp for _ in range(3)]
    assert given[0] < given[1] < given[2]
    with pytest.raises(SourceError, match="camera 0 delivers no more images after 3"):
        next(frames)


@pytest.mark.parametrize(("announced", "kind"), [(-1.0, "live"), (2.0, "video")])
def test_an_address_is_passed_to_opencv_as_it_is_but_printed_without_its_password(
    announced: float, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def open_capture(address: str) -> ScriptedCapture:
        opened.append(address)
        return ScriptedCapture([-1, 0, 0.04], announced)

    monkeypatch.setattr(cv2, "VideoCapture", open_capture)
    source = open_source("rtsp://user:secret@camera.local:554//live?channel=1")
    assert opened == ["rtsp://user:secret@camera.local:554//live?channel=1"]
    assert (source.name, source.kind) == ("rtsp://camera.local:554//live?channel=1", kind)
    assert next(source.frames).source == source.name
