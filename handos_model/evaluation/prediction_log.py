"""`Prediction`, and `PredictionLog`: predictions.jsonl, one line per image, so that an interruption loses none."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness

_DECIMALS: Final = 6
"""Of metres and pixels: micrometres."""


@dataclass(frozen=True)
class Prediction:
    """The hand predicted for one image; ``None`` where a prediction file has no such value.

    The names are the keys in predictions.jsonl.
    """

    index: int
    """Index of the image in its data set."""
    joints_3d: Float64Array | None = None
    """(21, 3) metres, camera optical frame."""
    vertices: Float64Array | None = None
    """(V, 3) metres, camera optical frame."""
    joints_2d: Float64Array | None = None
    """(21, 2) pixels."""
    handedness: Handedness | None = None
    score: float | None = None
    found: bool | None = None
    """Whether a hand that overlaps the annotated one has at least the score that the weights recommend."""


class PredictionLog:
    """A file that grows by one line per image.

    An existing file is continued after its last complete line; an incomplete line, left by a crash, is dropped.

    Parameters
    ----------
    path
        File to create or continue; its folder is created.
    origin
        What the predictions depend on: data set, weights, protocol. Written as the first line.

    Raises
    ------
    ValueError
        If the file contains predictions of another origin.
    """

    def __init__(self, path: Path, origin: Mapping[str, Any]) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        first_line = json.dumps(origin, sort_keys=True)
        self._lines = _drop_incomplete_line(path)
        self._file = path.open("a", encoding="utf-8")
        if self._lines == 0:
            self._write(first_line)
            return
        with path.open(encoding="utf-8") as file:
            recorded = file.readline().rstrip("\n")
        if recorded != first_line:
            raise ValueError(f"{path} contains predictions of {recorded}, not of {first_line}: give another --out")

    def __enter__(self) -> "PredictionLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        """Number of finished images: the first ones of the data set."""
        return self._lines - 1

    def __iter__(self) -> Iterator[Prediction]:
        with self.path.open(encoding="utf-8") as file:
            next(file)
            for number, line in enumerate(file, 2):
                try:
                    yield _from_json(json.loads(line))
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    raise ValueError(
                        f"{self.path}, line {number}, is not a prediction ({error}): give another --out"
                    ) from error

    def append(self, prediction: Prediction) -> None:
        """Write the prediction of the next image."""
        if prediction.index != len(self):
            raise ValueError(f"the next image is number {len(self)}, got {prediction.index}")
        for name, value in vars(prediction).items():
            if isinstance(value, float | np.ndarray) and not np.isfinite(value).all():
                raise ValueError(
                    f"{name} predicted for image {prediction.index} is not finite: use weights that are not damaged"
                )
        entry = {name: _to_json(value) for name, value in vars(prediction).items()}
        self._write(json.dumps(entry, allow_nan=False))

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()
        self._lines += 1


def _drop_incomplete_line(path: Path) -> int:
    """Truncate the file after the last line break and return the number of lines."""
    lines = end = 0
    with path.open("rb+") as file:
        for line in file:
            if line.endswith(b"\n"):
                lines += 1
                end += len(line)
        file.truncate(end)
    return lines


def _to_json(value: Any) -> Any:
    return np.round(value.astype(np.float64), _DECIMALS).tolist() if isinstance(value, np.ndarray) else value


def _from_json(entry: dict[str, Any]) -> Prediction:
    arrays = {
        name: np.array(entry[name], np.float64)
        for name in ("joints_3d", "vertices", "joints_2d")
        if entry[name] is not None
    }
    return Prediction(**(entry | arrays))
