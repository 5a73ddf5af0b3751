"""Which overlay belongs to which source, and writing it: a video for a video, an image for an image."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from handos_model.files.images import write_image
from handos_model.geometry.arrays import ImageArray
from handos_model.recordings.frame import Frame
from handos_model.recordings.source import FrameSource, SourceKind, is_address
from handos_model.recordings.video_writer import VideoWriter

WriteOverlay = Callable[[Frame, ImageArray], None]


def overlay_path(folder: Path, name: str, kind: SourceKind, image: str | None = None) -> Path:
    """Where the overlay of a source is written, or that of one `image` of it.

    Parameters
    ----------
    folder
        Folder of all overlays.
    name, kind
        Of the source.
    image
        The frame's `source`, for images.
    """
    if kind in ("video", "live"):
        stem = _address_stem(name) if is_address(name) else Path(name).stem
        return folder / f"{stem}.mp4"
    if kind == "image":
        return folder / Path(name).name
    of_source = folder / Path(name).resolve().name
    return of_source if image is None else of_source / Path(image).name


def require_separate_overlays(sources: Sequence[FrameSource], folder: Path) -> None:
    """Raise ValueError if two overlays would be the same file, or one would replace an image or video to be read."""
    paths = [overlay_path(folder, source.name, source.kind) for source in sources]
    duplicates = sorted({path.name for path in paths if paths.count(path) > 1})
    if duplicates:
        raise ValueError(
            f"several sources are named {', '.join(duplicates)}, so their overlays would overwrite each other: run "
            "them one by one, each into a folder of its own"
        )
    for source, path in zip(sources, paths, strict=True):
        if any(path.resolve() == Path(read.name).resolve() for read in sources):
            raise ValueError(f"the overlay of {source.name} would be the source {path} itself: name another --out")


@contextmanager
def overlay_writer(source: FrameSource, folder: Path) -> Iterator[WriteOverlay]:
    """Yield a function that writes the overlays of a source."""
    if source.kind in ("image", "folder"):
        yield lambda frame, overlay: write_image(overlay_path(folder, source.name, source.kind, frame.source), overlay)
        return
    assert source.frame_rate is not None, "videos and cameras have a frame rate"
    with VideoWriter(overlay_path(folder, source.name, source.kind), source.frame_rate) as video:
        yield lambda frame, overlay: video.write(overlay)


def _address_stem(address: str) -> str:
    parts = urlsplit(address)
    return re.sub(r"[^\w.-]+", "_", Path(parts.path).stem or parts.netloc)
