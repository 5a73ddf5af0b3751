"""Matrices in a JSON file, found in one pass over the text and decoded one at a time.

FreiHAND's training meshes are more than a gigabyte of text and several times that as Python lists; here they cost what
the system caches of the file, and processes share it.
"""

import json
import mmap
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, overload

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

_OPENING: Final = re.compile(rb"\[\s*\[(?=\s*[^\[\s])")
_CLOSING: Final = re.compile(rb"\]\s*\]")
_END: Final = re.compile(rb"[\s\]]*\]\s*")


class JsonMatrices(Sequence[Matrix]):
    """All matrices (lists of lists of numbers) of a file, in order, however deep they are nested.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it holds no matrix, or ends in the middle of one.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist")
        self._path = path
        if path.stat().st_size == 0:
            raise self._damaged("it is empty")
        with path.open("rb") as file:
            self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._spans = np.array(_matrix_spans(self._text), np.int64).reshape(-1, 2)
        if not len(self._spans):
            raise self._damaged("it holds no matrices")
        if not _END.fullmatch(self._text, int(self._spans[-1, 1])):
            raise self._damaged(f"it ends after {len(self._spans)} whole matrices")

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, index: int) -> Matrix: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Matrix]: ...
    def __getitem__(self, index: int | slice) -> Matrix | Sequence[Matrix]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        start, end = self._spans[index].tolist()
        try:
            return np.array(json.loads(self._text[start:end]), np.float64)
        except ValueError as error:
            raise self._damaged(f"matrix {index}: {error}") from error

    def _damaged(self, problem: str) -> ValueError:
        return ValueError(f"{self._path} is damaged or half a download ({problem}): get it again")


def _matrix_spans(text: mmap.mmap) -> list[tuple[int, int]]:
    """Where matrices start and end: the first closing of two lists behind an opening of two."""
    spans, end = [], 0
    # Looking for the closings alone is what makes this as fast as the text can be read.
    for closing in _CLOSING.finditer(text):
        opening = _OPENING.search(text, end, closing.start())
        if opening is not None:
            end = closing.end()
            spans.append((opening.start(), end))
    return spans
