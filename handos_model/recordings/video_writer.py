"""Writing a video file image by image."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2

from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import ImageArray


class VideoWriter:
    """Writes an MP4 video, which appears under its name when it is complete; without images there is no file.

    After an error, the images written so far remain in NAME.partial.mp4.

    Parameters
    ----------
    path
        File to write, ending in .mp4; its folder is created if needed.
    frame_rate
        Images per second, > 0.
    """

    def __init__(self, path: Path, frame_rate: float) -> None:
        self.path = path
        self._frame_rate = frame_rate
        self._stack = ExitStack()
        self._video: cv2.VideoWriter | None = None

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, image: ImageArray) -> None:
        """Append (H, W, 3) BGR; all images of a video have the size of the first."""
        if self._video is None:
            self._video = self._open(width=image.shape[1], height=image.shape[0])
        self._video.write(image)

    def _open(self, width: int, height: int) -> cv2.VideoWriter:
        temporary = self._stack.enter_context(atomic_write(self.path, keep_partial=True))
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        video = cv2.VideoWriter(str(temporary), codec, self._frame_rate, (width, height))
        self._stack.callback(video.release)
        if not video.isOpened():
            raise OSError(f"video {self.path} cannot be written: check that its folder is writable and has room")
        return video
