"""Opens images, folders, videos, cameras and streams through one function: `open_source`."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import cv2

from handos_model.files.image_header import ImageTooLargeError, require_decodable
from handos_model.files.images import read_image
from handos_model.recordings.capture import announced_frames, frame_rate, read_live, read_next, read_video
from handos_model.recordings.frame import Frame, SourceError

MAX_CAMERA_DIGITS: Final = 4
"""A longer number is no camera's."""
IMAGE_SUFFIXES: Final[frozenset[str]] = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
BAG_METADATA: Final = "metadata.yaml"
"""The file that makes a folder without images a rosbag2 bag."""

SourceKind = Literal["image", "folder", "video", "bag", "live"]

_LOGGER = logging.getLogger(__name__)


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

    Raises
    ------
    FileNotFoundError
        If there is nothing at the path.
    SourceError
        If there is, but no image can be read from it.
    """
    if str(source).isdecimal() and len(str(source)) <= MAX_CAMERA_DIGITS:
        return _open_camera(int(str(source)))
    if is_address(source):
        return _open_address(str(source))
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(
            f"source {path} does not exist: give an image, a folder of images, a video or a camera's number"
        )
    if is_bag(path):
        raise SourceError(f"source {path} is a bag, which only `handos run` reads: give a video, images or a camera")
    if path.is_dir():
        return _open_folder(path, image_rate)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FrameSource(str(path), _ImageFiles([path], None), frame_count=1, frame_rate=None, kind="image")
    return _open_video(path)


def is_address(source: str | Path) -> bool:
    """Whether a source is a URL, which is no path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", str(source)) is not None


def is_bag(source: str | Path) -> bool:
    """Whether a source is a rosbag2 folder or file."""
    path = Path(source)
    if is_address(source) or not path.exists():
        return False
    if path.is_dir():
        is_recorded = (path / BAG_METADATA).is_file() or any(map(is_bag_file, path.iterdir()))
        return is_recorded and not _images_in(path)
    return is_bag_file(path)


def is_bag_file(path: Path) -> bool:
    """Whether a path is that of a bag's file."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-1:] in ([".mcap"], [".db3"]) or suffixes[-2:] in ([".mcap", ".zstd"], [".db3", ".zstd"])


class _ImageFiles:
    """Iterator over image files; after one that cannot be read it goes on with the next."""

    def __init__(self, paths: Sequence[Path], rate: float | None) -> None:
        self._paths = enumerate(paths)
        self._rate = rate

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        index, path = next(self._paths)
        return Frame(read_image(path), str(path), index, stamp=0.0 if self._rate is None else index / self._rate)


def _open_folder(folder: Path, rate: float | None) -> FrameSource:
    if rate is not None and not 0 < rate <= 1e6:
        raise ValueError(f"images per second must be positive, got {rate}")
    paths = _images_in(folder)
    nested = sorted(path.name for path in folder.iterdir() if path.is_dir() and _images_in(path))
    if not paths and nested:
        raise SourceError(
            f"folder {folder} holds no images itself, but its subfolders {', '.join(nested)} do: give them as sources"
        )
    if not paths:
        raise SourceError(
            f"folder {folder} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}): give the folder with the images "
            "itself, or a video file"
        )
    if nested:
        _LOGGER.warning(
            "folder %s: the images of its subfolders %s are not read: give them as sources", folder, ", ".join(nested)
        )
    return FrameSource(str(folder), _ImageFiles(paths, rate), len(paths), frame_rate=rate, kind="folder")


def _images_in(folder: Path) -> list[Path]:
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()]
    except PermissionError:
        return []
    return sorted(paths, key=lambda path: _natural_order(path.name))


def _natural_order(name: str) -> tuple[list[str | int], str]:
    """Sort key by which 2.png comes before 10.png."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if position % 2 else part.lower() for position, part in enumerate(parts)], name


def _open_video(path: Path) -> FrameSource:
    capture = cv2.VideoCapture(str(path))
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
    """Open a stream, or a video on a server: that announces its number of frames."""
    try:
        name = _without_password(address)
    except ValueError as error:
        raise SourceError(f"address {address} cannot be read: {error}") from error
    capture = cv2.VideoCapture(address)
    _require_decodable(capture, f"stream {name}")
    first = read_next(capture)
    if first is None:
        raise SourceError(f"stream {name} delivers no images: check the address, and that OpenCV reads its protocol")
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


def _without_password(address: str) -> str:
    """The address as it may be printed and written to files."""
    user, separator, host = urlsplit(address).netloc.rpartition("@")
    return address.replace(f"{user}{separator}{host}", host, 1) if separator else address


def _open_camera(number: int) -> FrameSource:
    capture = cv2.VideoCapture(number)
    first = read_next(capture)
    if first is None:
        raise SourceError(
            f"camera {number} delivers no images: check that it is plugged in, that no other program uses it, that you "
            "have permission to read /dev/video*, and its number"
        )
    name = f"camera {number}"
    return FrameSource(name, read_live(capture, first, name), None, frame_rate(capture), kind="live")
