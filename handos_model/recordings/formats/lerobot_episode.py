"""One episode of a LeRobot data set while it is written: its states and its video."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import ImageArray
from handos_model.recordings.formats.hand_state import STATE_NAMES, HandState
from handos_model.recordings.formats.moments import Moments
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.h264 import H264Encoder

STATE: Final = "observation.state"
STAMP: Final = "observation.stamp"
"""Seconds since the first frame by the recording's stamps, while LeRobot's own `timestamp` counts frames."""
_KEY_INTERVAL: Final = 2
"""Images between key frames: training reads single images in any order."""
_SAMPLED: Final = 10
"""Of so many images one counts for the statistics, in a small copy."""
_SAMPLE_SIDE: Final = 128
_ROW_GROUP: Final = 1000
_SCHEMA: Final = pa.schema([(STATE, pa.list_(pa.float32(), len(STATE_NAMES))), (STAMP, pa.float64())])
_INFORMATION: Final = b"handos.episode"


@dataclass(frozen=True)
class EpisodeFiles:
    """A finished episode: the states are there if and only if the video is complete, too."""

    states: Path
    video: Path

    @classmethod
    def of(cls, folder: Path, stem: str) -> "EpisodeFiles":
        """Where the episode of a source is kept."""
        return cls(folder / f"{stem}.parquet", folder / f"{stem}.mp4")

    def information(self) -> dict[str, Any]:
        """`fps`, `width`, `height` and `image_stats`."""
        metadata = pq.read_metadata(self.states).metadata
        return dict(json.loads(metadata[_INFORMATION]))

    def delete(self) -> None:
        """Delete it; the states first."""
        self.states.unlink(missing_ok=True)
        self.video.unlink(missing_ok=True)


@contextmanager
def episode_writer(files: EpisodeFiles, fps: int) -> Iterator["EpisodeWriter"]:
    """Yield a writer of an episode; without frames there is none."""
    files.delete()
    with ExitStack() as stack:
        writer = EpisodeWriter(files, fps, stack)
        yield writer
        writer.finish()


class EpisodeWriter:
    """Writes the frames of an episode as they come."""

    def __init__(self, files: EpisodeFiles, fps: int, stack: ExitStack) -> None:
        self._files, self._fps, self._stack = files, fps, stack
        self._state = HandState()
        self._images = Moments()
        self._states: pq.ParquetWriter | None = None
        self._video: H264Encoder | None = None
        self._size = (0, 0)
        self._waiting: list[dict[str, Any]] = []
        self._first_stamp = 0.0
        self._count = 0

    def write(self, result: FrameHands) -> None:
        """Append one frame."""
        frame = result.frame
        if self._states is None or self._video is None:
            self._begin(frame.image)
            self._first_stamp = frame.stamp
        assert self._video is not None
        same_size = frame.image.shape[1::-1] == self._size
        image = frame.image if same_size else cv2.resize(frame.image, self._size)
        self._video.write(image)  # type: ignore[arg-type]
        if self._count % _SAMPLED == 0:
            self._images.add(_sample(image))  # type: ignore[arg-type]
        self._waiting.append({STATE: self._state.of(result.hands), STAMP: frame.stamp - self._first_stamp})
        self._count += 1
        if len(self._waiting) >= _ROW_GROUP:
            self._flush()

    def finish(self) -> None:
        """Write what is left."""
        self._flush()
        if self._states is not None:
            width, height = self._size
            stats = self._images.summary() | {"count": [-(-self._count // _SAMPLED)]}
            information = {"fps": self._fps, "width": width, "height": height, "image_stats": stats}
            self._states.add_key_value_metadata({_INFORMATION.decode(): json.dumps(information)})

    def _begin(self, image: ImageArray) -> None:
        self._size = image.shape[1], image.shape[0]
        states = self._stack.enter_context(atomic_write(self._files.states, keep_partial=True))
        video = self._stack.enter_context(atomic_write(self._files.video, keep_partial=True))
        self._video = H264Encoder(video, self._fps, self._size, _KEY_INTERVAL)
        self._stack.callback(self._video.close)
        self._states = self._stack.enter_context(pq.ParquetWriter(states, _SCHEMA))

    def _flush(self) -> None:
        if self._states is not None and self._waiting:
            self._states.write_table(pa.Table.from_pylist(self._waiting, _SCHEMA))
            self._waiting.clear()


def _sample(image: ImageArray) -> Any:
    """(N, 3) red, green and blue, 0..1, of a small copy."""
    scale = min(1.0, _SAMPLE_SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small).reshape(-1, 3)[:, ::-1] / 255.0
