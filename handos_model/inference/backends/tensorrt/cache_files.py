"""Files of caches that only save time: whatever is wrong with one, the work goes on without it."""

import logging
from pathlib import Path

from handos_model.inference.backends.private_files import read_private_file, write_private_file

_LOGGER = logging.getLogger(__name__)


def read_cache(path: Path) -> bytes:
    """Content of a cache, or nothing."""
    try:
        return read_private_file(path)
    except FileNotFoundError:
        return b""
    except OSError as error:
        _LOGGER.warning("the cache %s is not used: %s", path, error)
        return b""


def write_cache(path: Path, content: bytes) -> None:
    """Replace a cache. Of two processes that do so at the same time, the last one's remains."""
    try:
        write_private_file(path, content)
    except OSError as error:
        _LOGGER.warning("the cache %s cannot be written, so the next start is not faster: %s", path, error)
