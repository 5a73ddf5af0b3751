"""Writing a video file picture by picture."""

from pathlib import Path
from types import TracebackType

import cv2

from handos_model.io.frame import ImageArray


class VideoWriter:
    """Writes an MP4 video aside and gives it its name when all is done.

    Parameters
    ----------
    path
        File to write, ending in .mp4; its folder is made.
    frame_rate
        Pictures per second, > 0.
    """

    def __init__(self, path: Path, frame_rate: float) -> None:
        self.path = path
        self._frame_rate = frame_rate
        # The ending tells OpenCV the container.
        self._partial = path.with_name(f"{path.stem}.partial.mp4")
        self._video: cv2.VideoWriter | None = None

    def __enter__(self) -> "VideoWriter":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._video is None:
            return
        self._video.release()
        if error is None:
            self._partial.replace(self.path)

    def write(self, image: ImageArray) -> None:
        """Append (H, W, 3) BGR; all pictures of a video have the size of the first."""
        if self._video is None:
            self._video = self._open(width=image.shape[1], height=image.shape[0])
        self._video.write(image)

    def _open(self, width: int, height: int) -> cv2.VideoWriter:
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        video = cv2.VideoWriter(str(self._partial), codec, self._frame_rate, (width, height))
        if not video.isOpened():
            raise OSError(f"video {self.path} cannot be written: check that its folder is writable and has room")
        return video
