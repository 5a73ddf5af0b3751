"""Reads images, folders, videos and cameras through one function: `open_source`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import cv2

from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray
from handos_model.recordings.frame import Frame

IMAGE_SUFFIXES: Final[frozenset[str]] = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})

DEFAULT_FRAME_RATE: Final[float] = 30.0
"""Frames per second of videos and cameras that do not report theirs."""


class SourceError(ValueError):
    """A source exists but has no readable images."""


@dataclass(frozen=True)
class FrameSource:
    """Frames, which can be iterated over once, and their metadata."""

    name: str
    frames: Iterator[Frame]
    frame_count: int | None
    """``None`` where it is unknown: cameras, some videos."""
    frame_rate: float | None
    """Frames per second; ``None`` for still images, which have no time."""

    @property
    def is_video(self) -> bool:
        """Whether the frames are a sequence in time."""
        return self.frame_rate is not None


def open_source(source: str | Path) -> FrameSource:
    """Open an image file, a folder of images, a video file or a camera.

    Parameters
    ----------
    source
        Path, or a camera's number such as "0".

    Raises
    ------
    FileNotFoundError
        If there is nothing at the path.
    SourceError
        If there is, but no image can be read from it.
    """
    if str(source).isdecimal():
        return _open_camera(int(str(source)))
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(
            f"source {path} does not exist: give an image, a folder of images, a video or a camera's number"
        )
    if path.is_dir():
        return _open_folder(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FrameSource(str(path), _read_images([path]), frame_count=1, frame_rate=None)
    return _open_video(path)


def _open_folder(folder: Path) -> FrameSource:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise SourceError(
            f"folder {folder} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}): give the folder with the images "
            "itself, or a video file"
        )
    return FrameSource(str(folder), _read_images(paths), frame_count=len(paths), frame_rate=None)


def _read_images(paths: list[Path]) -> Iterator[Frame]:
    for index, path in enumerate(paths):
        yield Frame(read_image(path), str(path), index, stamp=0.0)


def _open_video(path: Path) -> FrameSource:
    capture = cv2.VideoCapture(str(path))
    readable, first = _read(capture)
    if not readable:
        raise SourceError(
            f"video {path} cannot be read: it is damaged, not a video, or its codec is missing; convert it, for "
            f"example with `ffmpeg -i {path.name} -c:v libx264 converted.mp4`"
        )
    frame_count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return FrameSource(
        str(path),
        _read_capture(capture, first, str(path), lambda: capture.get(cv2.CAP_PROP_POS_MSEC) / 1000),
        frame_count=frame_count if frame_count > 0 else None,
        frame_rate=_frame_rate(capture),
    )


def _frame_rate(capture: cv2.VideoCapture) -> float:
    reported = capture.get(cv2.CAP_PROP_FPS)
    return reported if reported > 0 else DEFAULT_FRAME_RATE


def _open_camera(number: int) -> FrameSource:
    capture = cv2.VideoCapture(number)
    readable, first = _read(capture)
    if not readable:
        raise SourceError(
            f"camera {number} delivers no images: check that it is plugged in, that no other program uses it, that you "
            "have permission to read /dev/video*, and its number"
        )
    name = f"camera {number}"
    return FrameSource(name, _read_capture(capture, first, name, time.time), None, _frame_rate(capture))


def _read(capture: cv2.VideoCapture) -> tuple[bool, ImageArray]:
    readable, image = capture.read()
    return readable, cast(ImageArray, image)


def _read_capture(
    capture: cv2.VideoCapture, image: ImageArray, name: str, clock: Callable[[], float]
) -> Iterator[Frame]:
    """Yield `image`, which was read to check that the source works, and all images after it."""
    index = 0
    readable = True
    while readable:
        yield Frame(image, name, index, stamp=clock())
        readable, image = _read(capture)
        index += 1
    capture.release()
