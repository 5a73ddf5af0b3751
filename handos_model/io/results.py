"""`hands.jsonl`: one line of JSON per frame."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import Hand
from handos_model.io.frame import CameraIntrinsics, Frame


class ResultsWriter:
    """Writes results aside and gives the file its name when all is done, so that a file is never half a result.

    Parameters
    ----------
    path
        File to write; its folder is made.
    with_vertices
        Also write the meshes: about 20 kB per hand instead of 2.
    """

    def __init__(self, path: Path, *, with_vertices: bool = False) -> None:
        self.path = path
        self._with_vertices = with_vertices
        self._partial = path.with_name(path.name + ".partial")
        self._file: TextIO | None = None

    def __enter__(self) -> "ResultsWriter":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open("w", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        self._file.close()
        if error is None:
            self._partial.replace(self.path)

    def write(
        self, frame: Frame, hands: tuple[Hand, ...], camera: CameraIntrinsics | None, *, camera_is_assumed: bool
    ) -> None:
        """Append the hands of one frame.

        Parameters
        ----------
        frame, hands
            The picture and what was found in it.
        camera
            Intrinsics that the metres rest on.
        camera_is_assumed
            Whether they come from an assumed field of view: the metres are then only as good as the assumption.
        """
        assert self._file is not None, "write inside of `with`"
        height, width = frame.image.shape[:2]
        line = {
            "source": frame.source,
            "frame": frame.index,
            "stamp": round(frame.stamp, 6),
            "width": width,
            "height": height,
            "camera": None if camera is None else [camera.fx, camera.fy, camera.cx, camera.cy],
            "camera_is_assumed": camera_is_assumed,
            "hands": [self._hand_entry(hand) for hand in hands],
        }
        self._file.write(json.dumps(line, allow_nan=False) + "\n")

    def _hand_entry(self, hand: Hand) -> dict[str, Any]:
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
