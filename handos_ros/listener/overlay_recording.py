"""Keeps received images with their hands and draws them when the listener ends."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from handos_model.files.images import write_image
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.hand.topology import HandTopology
from handos_model.recordings.video_writer import VideoWriter
from handos_model.visualization.overlay import draw_hands, draw_result

MAX_IMAGES: Final = 1500
"""The newest images are kept; about 200 MB."""

MIN_FRAME_RATE: Final = 1.0
MAX_FRAME_RATE: Final = 240.0


@dataclass(frozen=True)
class _RecordedImage:
    jpeg: npt.NDArray[np.uint8]
    hands: tuple[Hand, ...]
    camera: CameraIntrinsics | None
    stamp: float

    def image(self) -> ImageArray:
        return cast(ImageArray, cv2.imdecode(self.jpeg, cv2.IMREAD_COLOR))

    def total_score(self) -> float:
        return sum(hand.score for hand in self.hands)


class OverlayRecording:
    """Compressed images with their hands: drawing while the node runs would slow it down."""

    def __init__(self) -> None:
        self._images: deque[_RecordedImage] = deque(maxlen=MAX_IMAGES)

    def add(self, image: ImageArray, hands: tuple[Hand, ...], camera: CameraIntrinsics | None, stamp: float) -> None:
        """Keep one image, its hands and its time in seconds."""
        jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        self._images.append(_RecordedImage(cast("npt.NDArray[np.uint8]", jpeg), hands, camera, stamp))

    def write(self, folder: Path, topology: HandTopology) -> list[Path]:
        """Write `folder`/overlay.mp4 and, of the image with the most confident hands, `folder`/result.png.

        Returns
        -------
        list of Path
            The files written; none where no image was kept.
        """
        if not self._images:
            return []
        video, result = folder / "overlay.mp4", folder / "result.png"
        with VideoWriter(video, self._frame_rate()) as writer:
            for recorded in tqdm(self._images, desc="drawing", unit=" images", disable=None):
                writer.write(draw_hands(recorded.image(), recorded.hands, topology, recorded.camera))
        best = max(self._images, key=_RecordedImage.total_score)
        write_image(result, draw_result(best.image(), best.hands, topology, best.camera))
        return [video, result]

    def _frame_rate(self) -> float:
        """Mean number of images per second: the node skips some, so intervals vary. Stamps may be any numbers."""
        seconds = self._images[-1].stamp - self._images[0].stamp
        rate = (len(self._images) - 1) / seconds if seconds > 0 else MIN_FRAME_RATE
        return min(max(rate, MIN_FRAME_RATE), MAX_FRAME_RATE)
