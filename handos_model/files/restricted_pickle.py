"""Reads the pickle files of data sets and hand models without executing them.

A pickle is a program: unpickling an untrusted file can delete yours. Only numbers, strings, lists, tuples, dicts, sets
and NumPy arrays are allowed. NumPy's own unpickling does not run either, because a forged data type can crash it:
arrays are collected as plain records and then built from their bytes. Objects of classes that the caller allows by
name are returned as `PickledObject`s, which only hold the stored state.
"""

import pickle
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

_PLAIN_TYPES: Final = "?bhilqBHILQefdgFD"
"""NumPy's type codes of numbers; none of them holds objects or fields."""


class PickledObject:
    """Stored state of an object whose class is not instantiated."""

    class_name: str
    """Module and name, such as ``"scipy.sparse.csc.csc_matrix"``."""
    state: Any = None
    """State stored by the object's `__reduce__`, usually a dict of its attributes."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


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
        If it is damaged, or refers to anything that is not allowed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"pickle file {path} does not exist")
    with path.open("rb") as file:
        try:
            return _resolve(_RestrictedUnpickler(file, objects).load())
        except _RefusedError as error:
            raise ValueError(
                f"pickle file {path} {error}, which is not allowed because it could run code: download the file again "
                "from its publisher"
            ) from error
        except Exception as error:  # a damaged pickle can raise anything
            raise ValueError(f"pickle file {path} is damaged or incomplete ({error}): download it again") from error


class _RefusedError(pickle.UnpicklingError):
    """The pickle refers to something that is not allowed."""


class _DtypeRecord:
    """Placeholder for `numpy.dtype`."""

    def __init__(self, code: str, *_: object) -> None:
        self._code, self._order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self._order, *structure = state
        if structure[:3] != [None, None, None]:
            raise _RefusedError("holds an array of structs")

    def to_dtype(self) -> np.dtype[Any]:
        dtype = np.dtype(self._code)
        if dtype.kind not in "SU" and dtype.char not in _PLAIN_TYPES:
            raise _RefusedError(f"holds an array of {dtype}")
        return dtype if self._order == "|" else dtype.newbyteorder(self._order)  # type: ignore[arg-type]


class _ArrayRecord:
    """Placeholder for `numpy.ndarray`."""

    _state: tuple[Any, ...]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def to_array(self) -> npt.NDArray[Any]:
        *_, shape, dtype, is_fortran, data = self._state
        return _array_from_bytes(data, dtype, shape, "F" if is_fortran else "C")


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], objects: Collection[str]) -> None:
        # Python 2 stored bytes as str; Latin-1 preserves them.
        super().__init__(file, encoding="latin1")
        self._objects = frozenset(objects)

    def find_class(self, module: str, name: str, /) -> Any:
        full_name = f"{module}.{name}"
        if full_name in self._objects:
            return type(name, (PickledObject,), {"class_name": full_name})
        replacement = _ALLOWED.get(full_name)
        if replacement is None:
            raise _RefusedError(f"refers to {full_name}")
        return replacement


def _array_from_bytes(
    data: bytes | str, dtype: _DtypeRecord, shape: tuple[int, ...], order: Any = "C"
) -> npt.NDArray[Any]:
    if isinstance(data, list):
        raise _RefusedError("holds an array of objects")
    return np.frombuffer(_as_bytes(data), dtype.to_dtype()).reshape(shape, order=order).copy()


def _as_bytes(data: bytes | str) -> bytes:
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _scalar(dtype: _DtypeRecord, data: bytes | str) -> Any:
    return np.frombuffer(_as_bytes(data), dtype.to_dtype(), count=1)[0]


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise _RefusedError(f"encodes text as {encoding}")
    return text.encode("latin1")


def _empty_object(cls: type, *_: object) -> PickledObject:
    if not issubclass(cls, PickledObject):
        raise _RefusedError(f"creates an empty {cls.__name__}")
    return cls()


_ALLOWED: Final[dict[str, Callable[..., Any]]] = {
    "_codecs.encode": _encode,
    "__builtin__.bytes": lambda: b"",
    "copy_reg._reconstructor": _empty_object,
    "copyreg._reconstructor": _empty_object,
    "__builtin__.object": object,
    "builtins.object": object,
    "numpy.dtype": _DtypeRecord,
    "numpy.ndarray": _ArrayRecord,
    **{
        f"numpy.{core}.{name}": replacement
        for core in ("core", "_core")
        for name, replacement in (
            ("multiarray._reconstruct", lambda *_: _ArrayRecord()),
            ("multiarray.scalar", _scalar),
            ("numeric._frombuffer", _array_from_bytes),
        )
    },
}
"""Names that a pickle may refer to, of old and new NumPy versions, and their replacements."""


def _resolve(value: Any) -> Any:
    """Replace the records in a value by the arrays that they describe."""
    if isinstance(value, _ArrayRecord):
        return value.to_array()
    if isinstance(value, _DtypeRecord):
        return value.to_dtype()
    if isinstance(value, PickledObject):
        value.state = _resolve(value.state)
        return value
    if isinstance(value, dict):
        return {_resolve(key): _resolve(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_resolve(entry) for entry in value)
    return value
