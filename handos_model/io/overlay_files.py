"""Where pictures with the hands drawn into them go: a video for a video, pictures for pictures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from handos_model.io.frame import Frame, ImageArray
from handos_model.io.source import FrameSource
from handos_model.io.video_writer import VideoWriter

WriteOverlay = Callable[[Frame, ImageArray], None]


@contextmanager
def open_overlay(source: FrameSource, folder: Path) -> Iterator[WriteOverlay]:
    """Yield what writes the drawn frames of `source`: `folder`/NAME.mp4, or `folder`/PICTURE for each picture."""
    if not source.is_video:
        folder.mkdir(parents=True, exist_ok=True)
        yield lambda frame, drawn: write_image(folder / Path(frame.source).name, drawn)
        return
    assert source.frame_rate is not None
    with VideoWriter(folder / f"{Path(source.name).stem}.mp4", source.frame_rate) as video:
        yield lambda frame, drawn: video.write(drawn)


def write_image(path: Path, image: ImageArray) -> None:
    """Write (H, W, 3) BGR aside, in the format that the path's ending names, and give it its name."""
    encoded, data = cv2.imencode(path.suffix, image)
    if not encoded:
        raise OSError(f"image {path} cannot be written: choose another ending, such as .png")
    partial = path.with_name(f"{path.stem}.partial")
    partial.write_bytes(data.tobytes())
    partial.replace(path)
