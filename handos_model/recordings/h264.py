"""H.264 in MP4, which browsers play, through PyAV."""

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from handos_model.geometry.arrays import ImageArray

_QUALITY: Final = "20"
"""Constant rate factor: 0 is lossless, 23 the default, 51 the worst."""
_MAX_RATE_DENOMINATOR: Final = 1001
"""Rates such as 30000/1001 stay exact."""


class H264Encoder:
    """Encodes images of one size.

    Parameters
    ----------
    path
        File to write, ending in .mp4.
    frame_rate
        Images per second, > 0.
    size
        Width and height in pixels. Odd sides get one more pixel, a copy of the last: H.264 halves the colours.
    key_interval
        Images from one that can be decoded by itself to the next; ``None``: as the encoder likes.
    """

    def __init__(self, path: Path, frame_rate: float, size: tuple[int, int], key_interval: int | None = None) -> None:
        width, height = size
        self._padding = height % 2, width % 2
        try:
            self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
        except ValueError as error:
            raise OSError(f"{path.suffix} is no suffix of a video: choose .mp4") from error
        rate = Fraction(frame_rate).limit_denominator(_MAX_RATE_DENOMINATOR)
        self._stream = self._container.add_stream("libx264", rate=rate)
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"crf": _QUALITY, "preset": "veryfast"}
        if key_interval is not None:
            self._stream.options |= {"g": str(key_interval)}

    def write(self, image: ImageArray) -> None:
        """Append (H, W, 3) BGR."""
        bottom, right = self._padding
        if bottom or right:
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)  # type: ignore[assignment]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
