"""Files that are replaced whole or not at all."""

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NO_ROOM: Final[frozenset[int]] = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_TEMPORARY: Final = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.\w+")
_FULL_BELOW: Final = 1 << 20
"""Bytes of free space below which an error is put down to a full disk: libraries report one in many ways."""


@contextmanager
def atomic_write(path: Path, *, keep_partial: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it is renamed to `path` when the block ends without an error.

    Readers see the old file or the new one, never a part of one, and several processes may write the same file: the
    last one wins. The folder is created if needed.

    Parameters
    ----------
    path
        File to create or replace.
    keep_partial
        Write to `partial_path` and leave that file there after an error, for files that are useful in part: then it
        survives even if the process is killed. By default the temporary file is deleted.

    Raises
    ------
    OSError
        If the disk is full; it names `path`, whatever the block raised.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept: OpenCV and numpy choose the format by it.
    unique = f".{path.stem}.{os.getpid()}-{uuid.uuid4().hex[:8]}{path.suffix}"
    temporary = partial_path(path) if keep_partial else path.with_name(unique)
    try:
        yield temporary
        temporary.replace(path)
    except BaseException as error:
        full = isinstance(error, Exception) and _is_full(error, temporary)
        if not keep_partial:
            temporary.unlink(missing_ok=True)
        if full:
            code = error.errno if isinstance(error, OSError) and error.errno is not None else errno.ENOSPC
            raise OSError(code, f"{os.strerror(code)}: make room and write it again", str(path)) from error
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def remove_abandoned(folder: Path, suffix: str) -> None:
    """Delete the temporary files that killed processes left of files with a suffix; nobody may be writing any now."""
    for path in folder.glob(f".*{suffix}"):
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    """NAME.partial.SUFFIX: where the finished part of a file is kept."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def is_no_room(error: OSError) -> bool:
    """Whether an error means that a disk, a quota or a limit of file sizes is reached: others will follow."""
    return error.errno in _NO_ROOM


def _is_full(error: Exception, temporary: Path) -> bool:
    """Whether an error came from a full disk while `temporary` was written."""
    if isinstance(error, OSError) and error.errno is not None:
        # An error that names another file came from that file, and has its name already.
        return error.errno in _NO_ROOM and error.filename in (None, str(temporary))
    return temporary.exists() and shutil.disk_usage(temporary.parent).free < _FULL_BELOW
