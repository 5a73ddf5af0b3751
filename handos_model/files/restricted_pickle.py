"""Reads the pickle files of data sets and hand models without executing them.

A pickle is a program: unpickling an untrusted file can delete yours, and a file of ten bytes can take all memory. So
Python's unpickler does not run. `pickle_program` follows the program with limits on its size, and only numbers,
strings, lists, tuples, dicts, sets and NumPy arrays can come of it. NumPy's own unpickling does not run either,
because a forged data type can crash it: arrays are collected as plain records and then built from their bytes
(`pickle_records`). Objects of classes that the caller allows by name are returned as `PickledObject`s, which only hold
the stored state.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import numpy as np

from handos_model.files.pickle_program import MAX_OPERATIONS, run_pickle
from handos_model.files.pickle_records import ArrayRecord, ByteBudget, DtypeRecord, PickledObject, RefusedError

__all__ = ["PickledObject", "read_pickle"]

_MAX_BYTES: Final = 64 << 20
"""MANO_RIGHT.pkl has 4 MB, and three times that if it is written as text; annotations have kilobytes."""
_MAX_DEPTH: Final = 32
_PLAIN: Final = (int, float, str, bytes, bytearray, set, frozenset, np.generic, type(None))


def read_pickle(path: Path, *, objects: Collection[str] = ()) -> Any:
    """Read a pickle file of Python 2 or 3 that holds arrays and plain values.

    Parameters
    ----------
    path
        The file.
    objects
        Full names of classes whose objects are returned as `PickledObject`.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is damaged, too large, or refers to anything that is not allowed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"pickle file {path} does not exist")
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError(
            f"pickle file {path} has {path.stat().st_size} bytes, more than the {_MAX_BYTES} of any file that is read "
            "here: check that it is the right file"
        )
    try:
        return _Resolution(len(data)).resolve(run_pickle(data, frozenset(objects)))
    except RefusedError as error:
        raise ValueError(
            f"pickle file {path} {error}, which is not allowed because it could run code: download the file again "
            "from its publisher"
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        raise ValueError(f"pickle file {path} is damaged or incomplete ({error}): download it again") from error


class _Resolution:
    """Replaces the records in a value by the arrays that they describe.

    Values that occur in several places are counted in each: a few nested tuples can stand for billions of values.
    """

    def __init__(self, file_size: int) -> None:
        # Every array has its own bytes in the file.
        self._budget = ByteBudget(file_size)
        self._values = 0
        self._objects: set[int] = set()

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """Resolve a value and all that it contains."""
        self._values += 1
        if self._values > MAX_OPERATIONS:
            raise ValueError(f"it holds more than {MAX_OPERATIONS} values")
        if depth > _MAX_DEPTH:
            raise ValueError(f"its values are nested more than {_MAX_DEPTH} deep")
        if isinstance(value, ArrayRecord):
            return value.to_array(self._budget)
        if isinstance(value, DtypeRecord):
            return value.to_dtype()
        if isinstance(value, PickledObject):
            if id(value) not in self._objects:
                self._objects.add(id(value))
                value.state = self.resolve(value.state, depth + 1)
            return value
        if isinstance(value, dict):
            # Keys are plain values.
            return {key: self.resolve(entry, depth + 1) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.resolve(entry, depth + 1) for entry in value)
        if not isinstance(value, _PLAIN):
            raise RefusedError(f"holds a {type(value).__name__}")
        return value
