"""The values that a pickle's program has made so far: its stack and its memo.

Nothing is imported, and calls reach only `pickle_records.ALLOWED`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from handos_model.files.pickle_records import (
    ALLOWED,
    AllowedFunction,
    ArrayRecord,
    ByteBudget,
    DtypeRecord,
    PickledObject,
    RefusedError,
)


@dataclass(frozen=True)
class AllowedName:
    """A name of `ALLOWED` that the pickle refers to."""

    name: str
    function: AllowedFunction

    @property
    def __name__(self) -> str:
        return self.name


class PickleStack:
    """Stack and memo; the memo is a dict, so that a large index takes no memory.

    Parameters
    ----------
    objects
        Full names of classes that become `PickledObject`.
    budget
        Bytes that functions may make.
    """

    def __init__(self, objects: Collection[str], budget: ByteBudget) -> None:
        self._objects, self._budget = objects, budget
        self._values: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._classes: dict[str, type[PickledObject]] = {}

    def push(self, value: Any) -> None:
        """Put a value on top."""
        self._values.append(value)

    def pop(self) -> Any:
        """Take the value on top; it must lie above the last mark."""
        if len(self._values) <= (self._marks[-1] if self._marks else 0):
            raise ValueError("an operation lacks its values")
        return self._values.pop()

    def top(self) -> Any:
        """Return the value on top."""
        value = self.pop()
        self.push(value)
        return value

    def mark(self) -> None:
        """Remember this height of the stack."""
        self._marks.append(len(self._values))

    def pop_mark(self) -> list[Any]:
        """Take the values above the last mark, and the mark."""
        if not self._marks:
            raise ValueError("an operation lacks its mark")
        start = self._marks.pop()
        values = self._values[start:]
        del self._values[start:]
        return values

    def memoise(self, index: int) -> None:
        """Keep the value on top under an index."""
        self._memo[index] = self.top()

    def memoise_next(self) -> None:
        """Keep the value on top under the next free index."""
        self._memo[len(self._memo)] = self.top()

    def recall(self, index: int) -> None:
        """Put a kept value on top."""
        self.push(self._memo[index])

    def result(self) -> Any:
        """The only value left."""
        if len(self._values) != 1 or self._marks:
            raise ValueError(f"it ends with {len(self._values)} values instead of one")
        return self._values[0]

    def refer(self, module: Any, name: Any) -> None:
        """Put what a name stands for on top."""
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("it refers to something without a name")
        full_name = f"{module}.{name}"
        if full_name in self._objects:
            self.push(self._class_named(full_name))
        elif full_name in ALLOWED:
            self.push(AllowedName(full_name, ALLOWED[full_name]))
        else:
            raise RefusedError(f"refers to {full_name[:200]}")

    def _class_named(self, full_name: str) -> type[PickledObject]:
        if full_name not in self._classes:
            name = full_name.rpartition(".")[2]
            self._classes[full_name] = type(name, (PickledObject,), {"class_name": full_name})
        return self._classes[full_name]

    def call(self, function: Any, arguments: Any) -> None:
        """Put the result of an allowed function on top."""
        if not isinstance(arguments, tuple):
            raise ValueError("a function is called without a tuple of arguments")
        if isinstance(function, AllowedName):
            self.push(function.function(self._budget, *arguments))
        elif isinstance(function, type) and issubclass(function, PickledObject) and not arguments:
            self.push(function())
        else:
            raise RefusedError(f"calls a {type(function).__name__}")

    def build(self) -> None:
        """Give the second value the state on top."""
        state, target = self.pop(), self.top()
        if not isinstance(target, PickledObject | ArrayRecord | DtypeRecord):
            raise RefusedError(f"changes a {type(target).__name__}")
        target.__setstate__(state)
