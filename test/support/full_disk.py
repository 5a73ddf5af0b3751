"""A full disk, as a limit of the size of files."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def size_limit(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
