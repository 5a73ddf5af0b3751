"""What a pickle may refer to: records of arrays and objects, and the functions that make them.

Every function checks its arguments, because a pickle can call it with any.
"""

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_PLAIN_TYPES: Final = "?bhilqBHILQefdgFD"
"""NumPy's type codes of numbers; none of them holds objects or fields."""
_TYPE_CODE: Final = re.compile(r"[<>=|]?[?A-Za-z]\d{0,9}")
"""Of one number or text, such as ``f8`` or ``U12``; NumPy would accept whole structures."""
_MAX_DIMENSIONS: Final = 32


class RefusedError(ValueError):
    """The pickle refers to something that is not allowed."""


class PickledObject:
    """Stored state of an object whose class is not instantiated."""

    class_name: str
    """Module and name, such as ``"scipy.sparse.csc.csc_matrix"``."""
    state: Any = None
    """State stored by the object's `__reduce__`, usually a dict of its attributes."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class ByteBudget:
    """Bytes that may still be made: a pickle of n bytes that refers to its text many times could make n * n."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> None:
        """Raise if `size` bytes are more than what is left."""
        self._left -= size
        if self._left < 0:
            raise ValueError("its arrays hold more bytes than the file")


class DtypeRecord:
    """Placeholder for `numpy.dtype`."""

    def __init__(self, code: str) -> None:
        self._code, self._order = code, "="

    def __setstate__(self, state: Any) -> None:
        _require("data type", isinstance(state, tuple) and 5 <= len(state) <= 9, state)
        _, order, *structure = state
        _require("byte order", order in ("<", ">", "=", "|"), order)
        if any(part is not None for part in structure[:3]):
            raise RefusedError("holds an array of structs")
        self._order = order

    def to_dtype(self) -> np.dtype[Any]:
        """Return the data type.

        Raises
        ------
        RefusedError
            If it is not one of numbers or text.
        """
        dtype = np.dtype(self._code)
        if dtype.kind not in "SU" and dtype.char not in _PLAIN_TYPES:
            raise RefusedError(f"holds an array of {dtype}")
        return dtype if self._order == "|" else dtype.newbyteorder(self._order)  # type: ignore[arg-type]


class ArrayRecord:
    """Placeholder for `numpy.ndarray`."""

    def __init__(self) -> None:
        self._state: tuple[Any, ...] | None = None
        self._array: npt.NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _require("array", isinstance(state, tuple) and len(state) in (4, 5), state)
        self._state = state

    @classmethod
    def of(cls, data: Any, dtype: Any, shape: Any, order: Any) -> "ArrayRecord":
        """Make a record with its state."""
        record = cls()
        record._state = (shape, dtype, order == "F", data)
        return record

    def to_array(self, budget: ByteBudget) -> npt.NDArray[Any]:
        """Build the array, once."""
        if self._array is None:
            _require("array", self._state is not None, None)
            assert self._state is not None
            *_, shape, dtype, is_fortran, data = self._state
            self._array = _build_array(data, dtype, shape, "F" if is_fortran else "C", budget)
        return self._array


def _build_array(data: Any, dtype: Any, shape: Any, order: Any, budget: ByteBudget) -> npt.NDArray[Any]:
    if isinstance(data, list):
        raise RefusedError("holds an array of objects")
    _require("array's data", isinstance(data, bytes | bytearray | str), data)
    _require("array's data type", isinstance(dtype, DtypeRecord), dtype)
    is_shape = isinstance(shape, tuple) and len(shape) <= _MAX_DIMENSIONS
    _require("array's shape", is_shape and all(type(size) is int and size >= 0 for size in shape), shape)
    element = dtype.to_dtype()
    expected = math.prod(shape) * element.itemsize
    if element.itemsize == 0 or len(data) != expected:
        raise ValueError(f"an array of shape {shape} and type {element} needs {expected} bytes, it has {len(data)}")
    budget.take(len(data))
    if not expected:
        return np.zeros(shape, element)
    return np.frombuffer(_as_bytes(data), element).reshape(shape, order=order).copy()


def _as_bytes(data: bytes | bytearray | str) -> bytes:
    # Python 2 stored bytes as str; Latin-1 preserves them.
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _dtype(budget: ByteBudget, code: Any = None, *flags: Any) -> DtypeRecord:
    _require("data type", isinstance(code, str) and _TYPE_CODE.fullmatch(code) is not None, code)
    _require("data type", len(flags) <= 2, flags)
    return DtypeRecord(code)


def _empty_array(budget: ByteBudget, *arguments: Any) -> ArrayRecord:
    return ArrayRecord()


def _array_from_buffer(budget: ByteBudget, data: Any, dtype: Any, shape: Any, order: Any = "C") -> ArrayRecord:
    _require("array's order", order in ("C", "F"), order)
    return ArrayRecord.of(data, dtype, shape, order)


def _scalar(budget: ByteBudget, dtype: Any, data: Any) -> Any:
    return _build_array(data, dtype, (), "C", budget)[()]


def _encode(budget: ByteBudget, text: Any, encoding: Any = None) -> bytes:
    if encoding != "latin1":
        raise RefusedError(f"encodes text as {_described(encoding)}")
    _require("text", isinstance(text, str), text)
    budget.take(len(text))
    return bytes(text.encode("latin1"))


def _empty_bytes(budget: ByteBudget) -> bytes:
    return b""


def _empty_object(budget: ByteBudget, kind: Any, *arguments: Any) -> PickledObject:
    if not (isinstance(kind, type) and issubclass(kind, PickledObject)):
        raise RefusedError(f"creates an empty {_described(kind)}")
    return kind()


def _refused_object(budget: ByteBudget, *arguments: Any) -> None:
    raise RefusedError("creates a bare object")


AllowedFunction = Callable[..., Any]
"""Called with the budget of bytes, then with the pickle's arguments."""

ALLOWED: Final[Mapping[str, AllowedFunction]] = MappingProxyType(
    {
        "_codecs.encode": _encode,
        "__builtin__.bytes": _empty_bytes,
        "copy_reg._reconstructor": _empty_object,
        "copyreg._reconstructor": _empty_object,
        "__builtin__.object": _refused_object,
        "builtins.object": _refused_object,
        "numpy.dtype": _dtype,
        "numpy.ndarray": _empty_array,
        **{
            f"numpy.{core}.{name}": function
            for core in ("core", "_core")
            for name, function in (
                ("multiarray._reconstruct", _empty_array),
                ("multiarray.scalar", _scalar),
                ("numeric._frombuffer", _array_from_buffer),
            )
        },
    }
)
"""Names that a pickle may refer to, of old and new NumPy versions, and what is called instead."""


def _require(name: str, holds: bool, value: Any) -> None:
    if not holds:
        raise ValueError(f"its {name} is {_described(value)}")


def _described(value: Any) -> str:
    """Short, because a pickle's values can be as long as it likes."""
    if isinstance(value, str | bytes) and len(value) <= 40:
        return repr(value)
    return f"a {getattr(value, '__name__', type(value).__name__)}"
