"""Which overlay belongs to which source, and writing it: a video for a video, an image for an image."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from handos_model.files.images import write_image
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.topology import HandTopology
from handos_model.recordings.address import is_address
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.frame import Frame
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.output_names import source_stem
from handos_model.recordings.source import FrameSource, SourceKind
from handos_model.recordings.video_writer import VideoWriter
from handos_model.visualization.overlay import draw_hands


def overlay_path(folder: Path, name: str, kind: SourceKind, image: str | None = None) -> Path:
    """Where the overlay of a source is written, or that of one `image` of it.

    Parameters
    ----------
    folder
        Folder of all overlays.
    name, kind
        Of the source.
    image
        The frame's `source`, for images: a file in or below the folder `name`.
    """
    if kind in ("video", "bag", "live"):
        return folder / f"{source_stem(name, kind)}.mp4"
    if kind == "image":
        return folder / (f"{source_stem(name, kind)}.png" if is_address(name) else Path(name).name)
    of_source = folder / Path(name).resolve().name
    return of_source if image is None else of_source / Path(image).relative_to(name)


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
def overlay_writer(source: FrameSource, folder: Path, topology: HandTopology) -> Iterator[FrameWriter]:
    """Yield a writer of the overlays of a source.

    Parameters
    ----------
    folder
        Folder of all overlays.
    topology
        Topology of the hands' vertices.
    """
    if source.kind in ("image", "folder"):
        yield _Overlays(
            topology,
            lambda frame, overlay: write_image(overlay_path(folder, source.name, source.kind, frame.source), overlay),
        )
        return
    assert source.frame_rate is not None, "videos and cameras have a frame rate"
    with VideoWriter(overlay_path(folder, source.name, source.kind), source.frame_rate) as video:
        yield _Overlays(topology, lambda frame, overlay: video.write(overlay))


class _Overlays:
    def __init__(self, topology: HandTopology, keep: Callable[[Frame, ImageArray], None]) -> None:
        self._topology, self._keep = topology, keep

    def write(self, result: FrameHands) -> None:
        camera = result.camera.intrinsics
        self._keep(result.frame, draw_hands(result.frame.image, result.hands, self._topology, camera))
