"""Writing a video file image by image."""

import logging
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol

import cv2

from handos_model.files.atomic_write import atomic_write, partial_path
from handos_model.geometry.arrays import ImageArray

_LOGGER = logging.getLogger(__name__)


class VideoWriter:
    """Writes an MP4 video, which appears under its name when it is complete; without images there is no file.

    With PyAV it is H.264, which browsers play, otherwise OpenCV's MPEG-4. After an error, the images written so far
    remain in NAME.partial.mp4. A video that lacks images, because the disk was full, is an error.

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
        self._video: _Encoder | None = None
        self._size = (0, 0)
        self._written = 0

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, image: ImageArray) -> None:
        """Append (H, W, 3) BGR, scaled to the size of the first."""
        if self._video is None:
            self._size = image.shape[1], image.shape[0]
            self._video = self._open()
        scaled = image if image.shape[1::-1] == self._size else cv2.resize(image, self._size)
        self._video.write(scaled)  # type: ignore[arg-type]
        self._written += 1

    def _open(self) -> "_Encoder":
        temporary = self._stack.enter_context(atomic_write(self.path, keep_partial=True))
        self._stack.push(self._require_all_images)
        try:
            video = _open_encoder(temporary, self._frame_rate, self._size)
        except OSError as error:
            raise OSError(f"video {self.path} cannot be written ({error}): check its folder and its suffix") from error
        self._stack.callback(video.close)
        return video

    def _require_all_images(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """OpenCV does not tell that it could not write: look whether everything is there."""
        if error is not None:
            return
        kept = cv2.VideoCapture(str(partial_path(self.path))).get(cv2.CAP_PROP_FRAME_COUNT)
        if kept != self._written:
            raise OSError(
                f"video {self.path} could not be written: {kept:.0f} of its {self._written} images arrived; check that "
                "its disk has room"
            )


class _Encoder(Protocol):
    def write(self, image: ImageArray) -> None: ...

    def close(self) -> None: ...


class _Mpeg4Encoder:
    def __init__(self, path: Path, frame_rate: float, size: tuple[int, int]) -> None:
        self._video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), frame_rate, size)
        if not self._video.isOpened():
            raise OSError("its folder is not writable, or has no room")

    def write(self, image: ImageArray) -> None:
        self._video.write(image)

    def close(self) -> None:
        self._video.release()


def _open_encoder(path: Path, frame_rate: float, size: tuple[int, int]) -> _Encoder:
    try:
        from handos_model.recordings.h264 import H264Encoder
    except ModuleNotFoundError:
        _LOGGER.warning(
            "videos are written as MPEG-4, which browsers do not play: `pip install '.[recordings]'` in the repository"
        )
        return _Mpeg4Encoder(path, frame_rate, size)
    return H264Encoder(path, frame_rate, size)
