"""What was predicted for the images of a benchmark, written down image by image so that no interruption loses any."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import Handedness

Points = npt.NDArray[np.float64]

_DECIMALS: Final = 6
"""Kept of metres and pixels: a thousandth of a millimetre."""


@dataclass(frozen=True)
class Prediction:
    """The hand that was predicted for one image; ``None`` where a prediction file does not say."""

    index: int
    """Of the image in its data set."""
    joints_3d: Points | None = None
    """(21, 3) metres, camera optical frame."""
    vertices: Points | None = None
    """(V, 3) metres, camera optical frame."""
    joints_2d: Points | None = None
    """(21, 2) pixels."""
    handedness: Handedness | None = None
    score: float | None = None
    found: bool | None = None
    """Whether the network calls it a hand, at the score that its weights recommend, and it is where the true one is."""


class PredictionLog:
    """A file that grows by one line per image.

    Opened again, it goes on behind the last whole line; a line that was cut off by a crash is dropped.

    Parameters
    ----------
    path
        File to write, or to go on with; its folder is made.
    origin
        What the predictions depend on: data set, weights, protocol. Written as the first line.

    Raises
    ------
    ValueError
        If the file holds predictions of another origin.
    """

    def __init__(self, path: Path, origin: Mapping[str, Any]) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        first_line = json.dumps(origin, sort_keys=True)
        self._lines = _drop_unfinished_line(path)
        self._file = path.open("a", encoding="utf-8")
        if self._lines == 0:
            self._write(first_line)
            return
        with path.open(encoding="utf-8") as file:
            found = file.readline().rstrip("\n")
        if found != first_line:
            raise ValueError(
                f"{path} holds predictions of {found}, not of {first_line}: give another --out, or remove the file"
            )

    def __enter__(self) -> "PredictionLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        """Number of images done: the first ones of the data set."""
        return self._lines - 1

    def __iter__(self) -> Iterator[Prediction]:
        with self.path.open(encoding="utf-8") as file:
            next(file)
            for line in file:
                yield _prediction_of(json.loads(line))

    def append(self, prediction: Prediction) -> None:
        """Write the next image's prediction."""
        if prediction.index != len(self):
            raise ValueError(f"the next image is number {len(self)}, got {prediction.index}")
        entry = {name: _plain(value) for name, value in vars(prediction).items()}
        self._write(json.dumps(entry, allow_nan=False))

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()
        self._lines += 1


def _drop_unfinished_line(path: Path) -> int:
    """Cut off what follows the last line break; the number of lines left."""
    lines = end = 0
    with path.open("rb+") as file:
        for line in file:
            if line.endswith(b"\n"):
                lines += 1
                end += len(line)
        file.truncate(end)
    return lines


def _plain(value: Any) -> Any:
    return np.round(value.astype(np.float64), _DECIMALS).tolist() if isinstance(value, np.ndarray) else value


def _prediction_of(entry: dict[str, Any]) -> Prediction:
    arrays = {
        name: np.array(entry[name], np.float64)
        for name in ("joints_3d", "vertices", "joints_2d")
        if entry[name] is not None
    }
    return Prediction(**(entry | arrays))
