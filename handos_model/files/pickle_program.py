"""Follows the program of a pickle within limits, so that neither time nor memory depends on what the file claims.

`pickletools` decodes the operations; what each does is written here. Each makes at most one value; keys and members of
sets are numbers or text, because the hash of a nested tuple can take for ever.
"""

import codecs
import io
import pickletools
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from handos_model.files.pickle_records import ByteBudget, RefusedError
from handos_model.files.pickle_stack import PickleStack

MAX_OPERATIONS: Final = 250_000
"""MANO_RIGHT.pkl and the annotations of the data sets have a few hundred."""
_MAX_INTEGER: Final = 1 << 64
_INTEGERS_AS_TEXT: Final = ("INT", "LONG", "PUT", "GET")
_MAX_DIGITS: Final = 40
"""Length of an integer as text: parsing takes time with the square of it."""

_OPCODES: Final = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}


def run_pickle(data: bytes, objects: Collection[str]) -> Any:
    """Return the value that a pickle describes; arrays and data types in it are records.

    Parameters
    ----------
    data
        Content of the file.
    objects
        Full names of classes that become `PickledObject`.

    Raises
    ------
    RefusedError
        If it refers to anything that is not allowed.
    Exception
        If it is damaged.
    """
    file = io.BytesIO(data)
    # Text becomes bytes once, and then perhaps a number.
    stack = PickleStack(objects, ByteBudget(2 * len(data)))
    for _ in range(MAX_OPERATIONS):
        opcode = _OPCODES.get(file.read(1))
        if opcode is None:
            raise ValueError("it ends early, or holds an unknown operation")
        argument = _read_argument(file, opcode)
        if opcode.name == "STOP":
            return stack.result()
        if opcode.name in _VALUES:
            stack.push(_small(argument))
        elif opcode.name in _OPERATIONS:
            _OPERATIONS[opcode.name](stack, argument)
        else:
            raise RefusedError(f"uses the operation {opcode.name}")
    raise ValueError(f"it has more than {MAX_OPERATIONS} operations")


def _read_argument(file: io.BytesIO, opcode: pickletools.OpcodeInfo) -> Any:
    if opcode.arg is None:
        return None
    if opcode.name == "STRING":
        return _read_quoted(file)
    if opcode.name in _INTEGERS_AS_TEXT:
        _require_short_line(file)
    return opcode.arg.reader(file)


def _read_quoted(file: io.BytesIO) -> str:
    """Python 2's text of any bytes, of which pickletools takes ASCII only."""
    line = file.readline().removesuffix(b"\n")
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise ValueError("its text is not in quotes")
    return codecs.escape_decode(line[1:-1])[0].decode("latin1")


def _require_short_line(file: io.BytesIO) -> None:
    start = file.tell()
    if len(file.readline(_MAX_DIGITS + 1)) > _MAX_DIGITS:
        raise ValueError("it holds an integer of too many digits")
    file.seek(start)


def _small(value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= _MAX_INTEGER:
        raise ValueError("it holds an integer of more than 64 bits")
    return value


def _drop(stack: PickleStack, _: Any) -> None:
    stack.pop()


def _drop_to_mark(stack: PickleStack, _: Any) -> None:
    stack.pop_mark()


def _append(stack: PickleStack, values: list[Any]) -> None:
    target = stack.top()
    if type(target) is not list:
        raise ValueError(f"it appends to a {type(target).__name__}")
    target.extend(values)


def _set_items(stack: PickleStack, values: list[Any]) -> None:
    target = stack.top()
    if type(target) is not dict:
        raise ValueError(f"it sets entries of a {type(target).__name__}")
    target.update(_pairs(values))


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return dict(zip(map(_plain, values[::2]), values[1::2], strict=True))


def _add_items(stack: PickleStack, values: list[Any]) -> None:
    target = stack.top()
    if type(target) is not set:
        raise ValueError(f"it adds members to a {type(target).__name__}")
    target.update(map(_plain, values))


def _plain(key: Any) -> Any:
    if not isinstance(key, str | bytes | int | float | None):
        raise ValueError(f"a key or member of a set is a {type(key).__name__}")
    return key


def _append_one(stack: PickleStack, _: Any) -> None:
    value = stack.pop()
    _append(stack, [value])


def _set_one(stack: PickleStack, _: Any) -> None:
    value, key = stack.pop(), stack.pop()
    _set_items(stack, [key, value])


def _tuple_of(count: int) -> Callable[[PickleStack, Any], None]:
    def make_tuple(stack: PickleStack, _: Any) -> None:
        stack.push(tuple([stack.pop() for _ in range(count)][::-1]))

    return make_tuple


def _refer_from_stack(stack: PickleStack, _: Any) -> None:
    name, module = stack.pop(), stack.pop()
    stack.refer(module, name)


def _reduce(stack: PickleStack, _: Any) -> None:
    arguments, function = stack.pop(), stack.pop()
    stack.call(function, arguments)


def _new_object_with_keywords(stack: PickleStack, _: Any) -> None:
    keywords, arguments, kind = stack.pop(), stack.pop(), stack.pop()
    if keywords:
        raise RefusedError("creates an object with arguments")
    stack.call(kind, arguments)


_VALUES: Final = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
"""Operations that push their argument."""

_OPERATIONS: Final[Mapping[str, Callable[[PickleStack, Any], None]]] = {
    "PROTO": lambda stack, version: None,
    "FRAME": lambda stack, size: None,
    "MARK": lambda stack, _: stack.mark(),
    "POP": _drop,
    "POP_MARK": _drop_to_mark,
    "DUP": lambda stack, _: stack.push(stack.top()),
    "NONE": lambda stack, _: stack.push(None),
    "NEWTRUE": lambda stack, _: stack.push(True),
    "NEWFALSE": lambda stack, _: stack.push(False),
    "EMPTY_LIST": lambda stack, _: stack.push([]),
    "LIST": lambda stack, _: stack.push(stack.pop_mark()),
    "APPEND": _append_one,
    "APPENDS": lambda stack, _: _append(stack, stack.pop_mark()),
    "EMPTY_TUPLE": lambda stack, _: stack.push(()),
    "TUPLE": lambda stack, _: stack.push(tuple(stack.pop_mark())),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "EMPTY_DICT": lambda stack, _: stack.push({}),
    "DICT": lambda stack, _: stack.push(_pairs(stack.pop_mark())),
    "SETITEM": _set_one,
    "SETITEMS": lambda stack, _: _set_items(stack, stack.pop_mark()),
    "EMPTY_SET": lambda stack, _: stack.push(set()),
    "ADDITEMS": lambda stack, _: _add_items(stack, stack.pop_mark()),
    "FROZENSET": lambda stack, _: stack.push(frozenset(map(_plain, stack.pop_mark()))),
    "PUT": lambda stack, index: stack.memoise(index),
    "BINPUT": lambda stack, index: stack.memoise(index),
    "LONG_BINPUT": lambda stack, index: stack.memoise(index),
    "MEMOIZE": lambda stack, _: stack.memoise_next(),
    "GET": lambda stack, index: stack.recall(index),
    "BINGET": lambda stack, index: stack.recall(index),
    "LONG_BINGET": lambda stack, index: stack.recall(index),
    "GLOBAL": lambda stack, names: stack.refer(*names.split(" ", 1)),
    "STACK_GLOBAL": _refer_from_stack,
    "REDUCE": _reduce,
    "NEWOBJ": _reduce,
    "NEWOBJ_EX": _new_object_with_keywords,
    "BUILD": lambda stack, _: stack.build(),
}
"""What the other operations do with their argument; those that are missing are refused."""
