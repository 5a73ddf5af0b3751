"""Frames of videos, cameras and streams, read through OpenCV."""

import logging
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import cv2

from handos_model.files.opencv_messages import silent_opencv
from handos_model.geometry.arrays import ImageArray
from handos_model.recordings.frame import Frame, SourceError

DEFAULT_FRAME_RATE: Final[float] = 30.0
"""Frames per second of videos and cameras that do not report theirs."""

_COUNTED_CONTAINERS: Final[frozenset[str]] = frozenset({".3gp", ".avi", ".m4v", ".mov", ".mp4"})
"""Suffixes of containers whose index counts the frames. Elsewhere the count is the file's duration times a rate."""
_COUNT_TOLERANCE: Final = 1
"""Frames that a counted container may announce in excess."""
_DURATION_TOLERANCE: Final = 0.5
"""Seconds that another file may last longer than its last frame, because of the sound."""
_FFMPEG_QUIET: Final = "-8"

_LOGGER = logging.getLogger(__name__)


def open_capture(source: str | int) -> cv2.VideoCapture:
    """A video, an address or a camera's number through OpenCV, without its own messages and FFmpeg's."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _FFMPEG_QUIET)
    with silent_opencv():
        return cv2.VideoCapture(source)


def read_next(capture: cv2.VideoCapture) -> ImageArray | None:
    """The next image, (H, W, 3) BGR; ``None`` if there is none, or it is damaged."""
    with silent_opencv():
        readable, image = capture.read()
    return cast(ImageArray, image) if readable else None


def frame_rate(capture: cv2.VideoCapture) -> float:
    """Frames per second, as reported or `DEFAULT_FRAME_RATE`."""
    reported = capture.get(cv2.CAP_PROP_FPS)
    return reported if reported > 0 and math.isfinite(reported) else DEFAULT_FRAME_RATE


def announced_frames(capture: cv2.VideoCapture) -> int | None:
    """Number of frames by the container; ``None`` if it tells none."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if count > 0 and math.isfinite(count) else None


def read_video(capture: cv2.VideoCapture, first: ImageArray, name: str) -> Iterator[Frame]:
    """Yield `first`, which was read to check that the video works, and all images after it, beyond damages too.

    Raises
    ------
    SourceError
        At the end, if frames are missing; it tells how many.
    """
    announced, rate = announced_frames(capture), frame_rate(capture)
    image: ImageArray | None = first
    count, failed, stamps = 0, 0, _RecordedStamps(name, rate)
    damaged = False
    while image is not None or (announced is not None and count + failed < announced):
        if image is None:
            failed += 1
        else:
            damaged |= failed > 0
            yield Frame(image, name, count, stamps.next(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000))
            count += 1
        image = read_next(capture)
    capture.release()
    if announced is not None and (damaged or _breaks_off(name, announced, rate, count, stamps.last)):
        raise SourceError(
            f"video {name}: {count} frames could be read, the last at {stamps.last:.2f} s, where the file announces "
            f"{announced}: it is damaged, cut off, or was trimmed without encoding it again"
        )


def read_live(capture: cv2.VideoCapture, first: ImageArray, name: str) -> Iterator[Frame]:
    """Yield `first` and all images after it, with their time of reception.

    Raises
    ------
    SourceError
        When no more images come.
    """
    # The computer's clock can be set back while images come.
    start, start_steady = time.time(), time.monotonic()
    image: ImageArray | None = first
    count, stamp = 0, -math.inf
    while image is not None:
        stamp = max(start + time.monotonic() - start_steady, math.nextafter(stamp, math.inf))
        yield Frame(image, name, count, stamp)
        count += 1
        image = read_next(capture)
    capture.release()
    raise SourceError(f"{name} delivers no more images after {count}: check that it is still connected")


def _breaks_off(name: str, announced: int, rate: float, count: int, last_stamp: float) -> bool:
    if Path(name).suffix.lower() in _COUNTED_CONTAINERS:
        return announced - count > _COUNT_TOLERANCE
    # The frame rate may vary, so that only the duration can be compared.
    return announced / rate - last_stamp - 1 / rate > _DURATION_TOLERANCE


class _RecordedStamps:
    """Stamps of a video's frames, which always increase."""

    def __init__(self, name: str, rate: float) -> None:
        self.last = -math.inf
        self._name = name
        self._interval = 1 / rate
        self._counting = False

    def next(self, reported: float) -> float:
        """Stamp of the next frame: the reported one, or after the first that does not increase, by the frame rate."""
        if not self._counting and not self.last < reported < math.inf:
            self._counting = True
            _LOGGER.warning(
                "video %s: its time stamps do not increase (%.3f s after %.3f s): they are counted by its frame rate",
                self._name,
                reported,
                self.last,
            )
        if not self._counting:
            self.last = reported
        else:
            following = max(self.last + self._interval, math.nextafter(self.last, math.inf))
            self.last = 0.0 if self.last == -math.inf else following
        return self.last
