"""Opens images, folders, videos, cameras and streams through one function: `open_source`."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2

from handos_model.files.image_header import ImageTooLargeError, require_decodable
from handos_model.files.nearest_path import did_you_mean
from handos_model.recordings.address import (
    download_image,
    is_address,
    is_image_address,
    require_protocol,
    why_unreadable,
    without_password,
)
from handos_model.recordings.capture import (
    announced_frames,
    frame_rate,
    open_capture,
    read_live,
    read_next,
    read_video,
)
from handos_model.recordings.frame import Frame, SourceError
from handos_model.recordings.image_folder import IMAGE_SUFFIXES, RUN_RECORD, ImageFiles, folders_below, images_in

BAG_METADATA: Final = "metadata.yaml"
"""The file that makes a folder without images a rosbag2 bag."""
VIDEO_SUFFIXES: Final = frozenset(
    {".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"}
)
"""Of the files that are taken for videos in folders; files that are named may have any."""
_CAMERA: Final = re.compile(r"(?:/dev/video)?([0-9]{1,4})")
"""A longer number is no camera's."""

_LOGGER = logging.getLogger(__name__)

SourceKind = Literal["image", "folder", "video", "bag", "live"]


@dataclass(frozen=True)
class FrameSource:
    """Frames, which can be iterated over once, and their metadata."""

    name: str
    frames: Iterator[Frame]
    """`next` raises SourceError, ImageFileError or OSError for what cannot be read. After a bad image of a folder it
    goes on with the one behind it; a video tells at its end that frames are missing."""
    frame_count: int | None
    """``None`` where it is unknown: cameras, some videos."""
    frame_rate: float | None
    """Frames per second; ``None`` for still images, which have no time."""
    kind: SourceKind = "video"
    is_calibrated: bool = False
    """Whether the recording says which camera took its images."""

    @property
    def is_video(self) -> bool:
        """Whether the frames are a sequence in time."""
        return self.frame_rate is not None

    @property
    def path(self) -> Path:
        """File or folder that is read; of a camera or an address no such path exists."""
        return Path(self.name.rpartition(":")[0] if self.kind == "bag" else self.name)

    @property
    def is_recording(self) -> bool:
        """Whether it is a file whose frames are the same ones, in the same order, whenever it is read."""
        return self.kind in ("video", "bag")


def open_source(source: str | Path, image_rate: float | None = None) -> FrameSource:
    """Open an image file, a folder of images, a video file, a camera or a stream.

    Parameters
    ----------
    source
        Path, a camera's number such as "0", or an address such as "rtsp://...".
    image_rate
        Images per second of a folder whose images, in the order of the numbers in their names, are a sequence in time.
        Without it the images of the folders below are read, too.

    Raises
    ------
    FileNotFoundError
        If there is nothing at the path.
    SourceError
        If there is, but no image can be read from it.
    """
    if camera := _CAMERA.fullmatch(str(source)):
        return _open_camera(int(camera[1]))
    if is_address(source):
        return _open_address(str(source))
    if not str(source).strip():
        raise FileNotFoundError(f"the source is {str(source)!r}: name a file, a folder, a camera or an address")
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(
            f"source {path} does not exist{did_you_mean(path)}: give an image, a folder of images, a video, a bag, a "
            "camera's number, such as 0, or an address, such as https://... or rtsp://..."
        )
    if is_bag(path):
        raise SourceError(f"source {path} is a bag, which only `handos run` reads: give a video, images or a camera")
    if path.is_dir():
        return _open_folder(path, image_rate)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FrameSource(str(path), ImageFiles([path], None), frame_count=1, frame_rate=None, kind="image")
    return _open_video(path)


def is_bag(source: str | Path) -> bool:
    """Whether a source is a rosbag2 folder or file."""
    path = Path(source)
    if is_address(source) or not path.exists():
        return False
    if path.is_dir():
        is_recorded = (path / BAG_METADATA).is_file() or any(map(is_bag_file, path.iterdir()))
        return is_recorded and not images_in(path)
    return is_bag_file(path)


def is_bag_file(path: Path) -> bool:
    """Whether a path is that of a bag's file."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-1:] in ([".mcap"], [".db3"]) or suffixes[-2:] in ([".mcap", ".zstd"], [".db3", ".zstd"])


def is_recording_file(path: Path) -> bool:
    """Whether a file in a folder is, by its name, a video or a bag."""
    return path.suffix.lower() in VIDEO_SUFFIXES or is_bag_file(path)


def _open_folder(folder: Path, rate: float | None) -> FrameSource:
    if rate is not None and not 0 < rate <= 1e6:
        raise ValueError(f"images per second must be positive, got {rate}")
    folders = list(folders_below(folder))
    paths = [path for parent, _ in folders for path in images_in(parent)]
    if recording := _first_recording(folders):
        remedy = f"give it as a source, or all to `handos annotate {folder} --out DATASET`"
        if not paths:
            raise SourceError(f"folder {folder} holds no images, but recordings, such as {recording}: {remedy}")
        _LOGGER.warning("of folder %s only images are read, not recordings, such as %s: %s", folder, recording, remedy)
    if not paths:
        raise SourceError(
            f"folder {folder} and those below it hold no images ({', '.join(sorted(IMAGE_SUFFIXES))}): give the folder "
            "with the images, or a video file"
        )
    if rate is not None and any(path.parent != folder for path in paths):
        below = ", ".join(dict.fromkeys(str(path.parent) for path in paths if path.parent != folder))
        raise SourceError(
            f"folder {folder} has images below it, in {below}, and with --fps each folder is a sequence of its own: "
            "give these folders as sources"
        )
    return FrameSource(str(folder), ImageFiles(paths, rate), len(paths), frame_rate=rate, kind="folder")


def _first_recording(folders: Sequence[tuple[Path, list[str]]]) -> Path | None:
    """The first video or bag in folders, but for those that `handos run` wrote; ``None``: there is none."""
    results = {folder for folder, names in folders if RUN_RECORD in names}
    for folder, names in folders:
        if results.isdisjoint({folder, *folder.parents}):
            for name in sorted(names):
                if is_recording_file(folder / name):
                    return folder / name
    return None


def _open_video(path: Path) -> FrameSource:
    capture = open_capture(str(path))
    _require_decodable(capture, f"video {path}")
    first = read_next(capture)
    if first is None:
        raise SourceError(
            f"video {path} cannot be read: it is damaged, not a video, or its codec is missing; convert it, for "
            f"example with `ffmpeg -i {path.name} -c:v libx264 converted.mp4`"
        )
    frames = read_video(capture, first, str(path))
    return FrameSource(str(path), frames, announced_frames(capture), frame_rate(capture), kind="video")


def _open_address(address: str) -> FrameSource:
    """Open an image or a video on a server, which announces its number of frames, or a stream."""
    name = without_password(address)
    require_protocol(address)
    if is_image_address(address):
        return FrameSource(name, iter([Frame(download_image(address), name, 0, 0.0)]), 1, frame_rate=None, kind="image")
    capture = open_capture(address)
    _require_decodable(capture, f"stream {name}")
    first = read_next(capture)
    if first is None:
        raise SourceError(f"stream {name} delivers no images: {why_unreadable(address)}")
    count, rate = announced_frames(capture), frame_rate(capture)
    if count is None:
        return FrameSource(name, read_live(capture, first, name), None, rate, kind="live")
    return FrameSource(name, read_video(capture, first, name), count, rate, kind="video")


def _require_decodable(capture: cv2.VideoCapture, name: str) -> None:
    """Check the size that the container announces, before a frame is decoded."""
    try:
        require_decodable(*(int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)))
    except ImageTooLargeError as error:
        raise SourceError(f"{name} is not read: {error}") from error


def _open_camera(number: int) -> FrameSource:
    capture = open_capture(number)
    first = read_next(capture)
    if first is None:
        raise SourceError(
            f"camera {number} delivers no images: check that it is plugged in, that no other program uses it, that you "
            "have permission to read /dev/video*, and its number"
        )
    name = f"camera {number}"
    return FrameSource(name, read_live(capture, first, name), None, frame_rate(capture), kind="live")
