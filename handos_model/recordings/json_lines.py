"""`hands.jsonl`: one line of JSON per frame."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from handos_model.files.atomic_write import atomic_write, partial_path
from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import WRIST
from handos_model.recordings.frame_hands import FrameHands

SCHEMA_VERSION: Final = 1
"""Of a line. It rises when a key changes its meaning or goes; new keys do not raise it."""


class ResultsWriter:
    """Writes hands to a file, which appears under its name when it is complete.

    Until then, and after an error, the lines written so far are in NAME.partial.jsonl. Every line is whole, and handed
    to the system at once: it survives the end of this process.

    Parameters
    ----------
    path
        File to write; its folder is created if needed.
    with_vertices
        Also write the meshes: about 20 kB per hand instead of 2.
    resume
        Append to NAME.partial.jsonl if it exists. By default that is an error.
    """

    def __init__(self, path: Path, *, with_vertices: bool = False, resume: bool = False) -> None:
        self.path = path
        self._with_vertices = with_vertices
        self._mode: Literal["ab", "xb"] = "ab" if resume else "xb"
        self._stack = ExitStack()
        self._file: FileIO | None = None
        self._size = 0

    def __enter__(self) -> "ResultsWriter":
        with ExitStack() as stack:
            partial = stack.enter_context(atomic_write(self.path, keep_partial=True))
            # Unbuffered: a buffer that cannot be written to a full disk is written again, in part, when it is closed.
            self._file = stack.enter_context(partial.open(self._mode, buffering=0))
            self._size = partial.stat().st_size
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._size == 0:
            partial_path(self.path).unlink(missing_ok=True)
        self._stack.__exit__(kind, error, trace)

    def write(self, result: FrameHands) -> None:
        """Append the hands of one frame."""
        frame, camera, lens, header = result.frame, result.camera.intrinsics, result.camera.lens, result.frame.header
        height, width = frame.image.shape[:2]
        line = {
            "schema": SCHEMA_VERSION,
            "source": frame.source,
            "frame": frame.index,
            "stamp": round(frame.stamp, 6),
            "header": None if header is None else {"stamp": header.stamp, "frame_id": header.frame_id},
            "width": width,
            "height": height,
            "camera": None if camera is None else [camera.fx, camera.fy, camera.cx, camera.cy],
            "camera_is_assumed": result.camera.is_assumed,
            "lens": None if lens is None else {"model": lens.model, "coefficients": lens.coefficients},
            "hands": [self._entry(hand) for hand in result.hands],
        }
        self._append(json.dumps(line, allow_nan=False).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        assert self._file is not None, "call write inside a with block"
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(line)

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
            **_metric_entry(hand),
            "coasting": hand.coasting,
            "tentative": hand.tentative,
        }
        return entry | {"vertices": _metres(hand.vertices)} if self._with_vertices else entry


def _metric_entry(hand: Hand) -> dict[str, Any]:
    if hand.metric is None:
        return {"joint_sigma": None, "wrist_pose": None, "depth_residual": None}
    joints, residual = hand.metric.joints_3d, hand.metric.depth_residual
    orientation = np.round(wrist_orientation(joints, hand.handedness), 6).tolist()
    return {
        "joint_sigma": _metres(hand.metric.joint_sigma),
        "wrist_pose": {"position": _metres(joints[WRIST]), "orientation": orientation},
        "depth_residual": None if residual is None else round(residual, 5),
    }


def read_frames(path: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield the source and the index of every frame of a file, and its line; a last line that is cut off is left out.

    Raises
    ------
    ValueError
        If a line is something else.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                values = json.loads(line)
                yield str(values["source"]), int(values["frame"]), line
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}, line {number}, is not a line of results: name another folder") from error


def _pixels(values: npt.NDArray[np.float32]) -> Any:
    return np.round(values.astype(float), 2).tolist()


def _metres(values: npt.NDArray[np.float32] | None) -> Any:
    return None if values is None else np.round(values.astype(float), 5).tolist()
