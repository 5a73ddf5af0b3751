"""Matrices of a JSON file, located in one pass over the text and decoded one at a time.

FreiHAND's training meshes are more than a gigabyte of text and several times that as Python lists. The file is
memory-mapped instead, so that processes share its pages.
"""

import json
import mmap
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, overload

import numpy as np

from handos_model.geometry.arrays import Float64Array

_OPENING: Final = re.compile(rb"\[\s*\[(?=\s*[^\[\s])")
_CLOSING: Final = re.compile(rb"\]\s*\]")
_END: Final = re.compile(rb"[\s\]]*\]\s*")


class JsonMatrices(Sequence[Float64Array]):
    """All matrices (lists of lists of numbers) of a file, in order, at any depth of nesting.

    Parameters
    ----------
    path
        JSON file.
    name
        Name of the file in errors; by default its path.
    remedy
        What to do about a damaged file.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it contains no matrix, or ends within one.
    """

    def __init__(self, path: Path, name: str | None = None, remedy: str = "download it again") -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist")
        self.name, self._remedy = name or str(path), remedy
        if path.stat().st_size == 0:
            raise self._damaged("it is empty")
        with path.open("rb") as file:
            self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._spans = np.array(_matrix_spans(self._text), np.int64).reshape(-1, 2)
        if not len(self._spans):
            raise self._damaged("it contains no matrices")
        if not _END.fullmatch(self._text, int(self._spans[-1, 1])):
            raise self._damaged(f"it ends after {len(self._spans)} complete matrices")

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> Float64Array: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Float64Array]: ...
    def __getitem__(self, index: int | slice) -> Float64Array | Sequence[Float64Array]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        start, end = self._spans[index].tolist()
        try:
            matrix = np.array(json.loads(self._text[start:end]), np.float64)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise self._damaged(f"matrix {index}: {error}") from error
        if matrix.ndim != 2:
            raise self._damaged(f"matrix {index} should be rows of numbers")
        # JSON's null becomes NaN.
        is_wrong = ~np.isfinite(matrix).all(axis=1)
        if is_wrong.any():
            row = int(is_wrong.argmax())
            raise self._damaged(f"matrix {index}: row {row} is {matrix[row].tolist()}, which is not finite")
        return matrix

    def _damaged(self, problem: str) -> ValueError:
        return ValueError(f"{self.name} is damaged or incomplete ({problem}): {self._remedy}")


def _matrix_spans(text: mmap.mmap) -> list[tuple[int, int]]:
    """Start and end of each matrix: from ``[[`` to the first ``]]`` that follows."""
    spans, end = [], 0
    # Scanning for the closings alone makes this as fast as reading the text.
    for closing in _CLOSING.finditer(text):
        opening = _OPENING.search(text, end, closing.start())
        # Never searched again: a file of closings alone would take time with the square of its size.
        end = closing.end()
        if opening is not None:
            spans.append((opening.start(), end))
    return spans
