"""How many processor threads a network that is loaded may use."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_THREADS: Final = ContextVar("processor_threads", default=0)


@contextmanager
def limit_threads(count: int) -> Iterator[None]:
    """Networks that are loaded within the block use `count` threads, for several processes on one machine."""
    token = _THREADS.set(count)
    try:
        yield
    finally:
        _THREADS.reset(token)


def processor_threads() -> int:
    """Threads of the next network; 0: one for each core."""
    return _THREADS.get()
