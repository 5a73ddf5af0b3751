"""Folders and files of compiled engines, which are programs: only this user and root may be able to write them.

Symbolic links are not followed, because where others can write, a link can lead to any file of this user.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from handos_model.files.atomic_write import atomic_write
from handos_model.inference.backends.engine import BackendError

_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_REMEDY: Final = "set XDG_CACHE_HOME to a folder of your own"


class UntrustedFileError(OSError):
    """Somebody else could have written a file."""


def require_private_folder(folder: Path) -> None:
    """Create a folder that only this user can read and write, or check an existing one and the owners of its files.

    Raises
    ------
    BackendError
        If another user owns it or one of its files, or could write to it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _require_trusted_folder(folder, folder.lstat())
        for entry in folder.iterdir():
            _require_trusted_owner(entry)
    except BackendError:
        raise
    except OSError as error:
        raise BackendError(
            f"the folder of compiled engines {folder} cannot be used ({error}): make it writable for this user, or "
            f"{_REMEDY}"
        ) from error


def _require_trusted_folder(folder: Path, status: os.stat_result) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise BackendError(
            f"{folder} is a link instead of a folder, so compiled engines are not read from it: remove it, or {_REMEDY}"
        )
    if not _trusted_owner(status):
        raise BackendError(
            f"the folder of compiled engines {folder} belongs to another user (id {status.st_uid}), who could put "
            f"programs there: {_REMEDY}"
        )
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise BackendError(
            f"other users can write to the folder of compiled engines {folder} (mode {status.st_mode & 0o7777:o}), and "
            f"could have put programs there: run `chmod go-w {folder}`, and remove its engines unless you trust these "
            f"users; or {_REMEDY}"
        )


def _require_trusted_owner(entry: Path) -> None:
    try:
        status = entry.lstat()
    except FileNotFoundError:  # another process has just replaced it
        return
    if not _trusted_owner(status):
        raise BackendError(
            f"{entry} belongs to another user (id {status.st_uid}), who could put programs there: remove it, or "
            f"{_REMEDY}"
        )


def read_private_file(path: Path, limit: int | None = None) -> bytes:
    """Read a file that only this user or root could have written.

    Parameters
    ----------
    path
        The file.
    limit
        Maximum size in bytes.

    Raises
    ------
    UntrustedFileError
        If another user could have written it, or it is not a plain file, or larger than `limit`.
    OSError
        If it cannot be read; `FileNotFoundError` if there is none.
    """
    # Opening a named pipe would wait for a writer.
    with _opened(path, os.O_RDONLY | os.O_NONBLOCK) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UntrustedFileError(f"{path.name} is not a plain file")
        if not _trusted_owner(status) or status.st_mode & _OTHERS_MAY_WRITE:
            raise UntrustedFileError(
                f"other users could have written {path.name} (owner {status.st_uid}, mode {status.st_mode & 0o7777:o})"
            )
        content = file.read() if limit is None else file.read(limit + 1)
    if limit is not None and len(content) > limit:
        raise UntrustedFileError(f"{path.name} has more than {limit} bytes")
    return content


def write_private_file(path: Path, content: bytes) -> None:
    """Create or replace a file that only this user can read and write."""
    with atomic_write(path) as temporary, _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
        file.write(content)


@contextmanager
def opened_lock_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to lock, and create it if needed; its content is not touched.

    Raises
    ------
    BackendError
        If it is a symbolic link, or cannot be opened.
    """
    try:
        opened = _opened(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        if path.is_symlink():
            raise BackendError(f"the lock file {path} is a symbolic link: remove it") from error
        raise BackendError(
            f"the lock file {path} cannot be opened ({error}): free space there, or {_REMEDY}"
        ) from error
    with opened as file:
        yield file


def _opened(path: Path, flags: int) -> BinaryIO:
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "rb" if flags & os.O_ACCMODE == os.O_RDONLY else "rb+")


def _trusted_owner(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())
