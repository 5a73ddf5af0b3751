"""`hands.jsonl`: one line of JSON per frame."""

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.recordings.frame import Frame


class ResultsWriter:
    """Writes hands to a file, which appears under its name when it is complete.

    After an error, the lines written so far remain in NAME.partial.jsonl.

    Parameters
    ----------
    path
        File to write; its folder is created if needed.
    with_vertices
        Also write the meshes: about 20 kB per hand instead of 2.
    """

    def __init__(self, path: Path, *, with_vertices: bool = False) -> None:
        self.path = path
        self._with_vertices = with_vertices
        self._stack = ExitStack()
        self._file: TextIO | None = None

    def __enter__(self) -> "ResultsWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_write(self.path, keep_partial=True))
            self._file = stack.enter_context(temporary.open("w", encoding="utf-8"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(
        self, frame: Frame, hands: tuple[Hand, ...], camera: CameraIntrinsics | None, *, camera_is_assumed: bool
    ) -> None:
        """Append the hands of one frame.

        Parameters
        ----------
        frame, hands
            The image and its hands.
        camera
            Intrinsics that the metres are based on.
        camera_is_assumed
            Whether they come from an assumed field of view: the metres are then only as good as the assumption.
        """
        assert self._file is not None, "call write inside a with block"
        height, width = frame.image.shape[:2]
        line = {
            "source": frame.source,
            "frame": frame.index,
            "stamp": round(frame.stamp, 6),
            "width": width,
            "height": height,
            "camera": None if camera is None else [camera.fx, camera.fy, camera.cx, camera.cy],
            "camera_is_assumed": camera_is_assumed,
            "hands": [self._entry(hand) for hand in hands],
        }
        self._file.write(json.dumps(line, allow_nan=False) + "\n")

    def _entry(self, hand: Hand) -> dict[str, Any]:
        entry = {
            "id": hand.id,
            "score": round(hand.score, 4),
            "box": _pixels(hand.box),
            "handedness": hand.handedness,
            "handedness_score": round(hand.handedness_score, 4),
            "joints_2d": _pixels(hand.joints_2d),
            "joint_scores": np.round(hand.joint_scores.astype(float), 4).tolist(),
            "joints_3d": _metres(hand.joints_3d),
            "coasting": hand.coasting,
        }
        return entry | {"vertices": _metres(hand.vertices)} if self._with_vertices else entry


def _pixels(values: npt.NDArray[np.float32]) -> Any:
    return np.round(values.astype(float), 2).tolist()


def _metres(values: npt.NDArray[np.float32] | None) -> Any:
    return None if values is None else np.round(values.astype(float), 5).tolist()
