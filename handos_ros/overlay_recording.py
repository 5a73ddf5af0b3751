"""Keeps received images with their hands, and draws them when the listening is over."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from handos_model.hand.hand import Hand
from handos_model.hand.topology import HandTopology
from handos_model.io.frame import CameraIntrinsics, ImageArray
from handos_model.io.overlay import draw_hands, picture_of_result
from handos_model.io.overlay_files import write_image
from handos_model.io.video_writer import VideoWriter

LONGEST: Final = 1500
"""Most images kept, the newest; about 200 MB."""


@dataclass(frozen=True)
class _Moment:
    jpeg: npt.NDArray[np.uint8]
    hands: tuple[Hand, ...]
    camera: CameraIntrinsics | None
    stamp: float

    def image(self) -> ImageArray:
        return cast(ImageArray, cv2.imdecode(self.jpeg, cv2.IMREAD_COLOR))

    def certainty(self) -> float:
        return sum(hand.score for hand in self.hands)


class OverlayRecording:
    """Images with hands, compressed: drawing while the node works would take the processor away from it."""

    def __init__(self) -> None:
        self._moments: deque[_Moment] = deque(maxlen=LONGEST)

    def add(self, image: ImageArray, hands: tuple[Hand, ...], camera: CameraIntrinsics | None, stamp: float) -> None:
        """Keep one image, its hands and its time in seconds."""
        jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        self._moments.append(_Moment(cast("npt.NDArray[np.uint8]", jpeg), hands, camera, stamp))

    def write(self, folder: Path, topology: HandTopology) -> list[Path]:
        """Write `folder`/overlay.mp4 and, of the image with the surest hands, `folder`/result.png.

        Returns
        -------
        list of Path
            The files written; none where no image was kept.
        """
        if not self._moments:
            return []
        video, picture = folder / "overlay.mp4", folder / "result.png"
        with VideoWriter(video, self._frame_rate()) as writer:
            for moment in tqdm(self._moments, desc="drawing", unit=" images", disable=None):
                writer.write(draw_hands(moment.image(), moment.hands, topology, moment.camera))
        best = max(self._moments, key=_Moment.certainty)
        write_image(picture, picture_of_result(best.image(), best.hands, topology, best.camera))
        return [video, picture]

    def _frame_rate(self) -> float:
        """Images per second on average: the node skips some, so their distances vary."""
        seconds = self._moments[-1].stamp - self._moments[0].stamp
        return (len(self._moments) - 1) / seconds if seconds > 0 else 1.0
