"""One process at a time writes to a folder."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOCK_NAME: Final = ".lock"


@contextmanager
def lock_folder(folder: Path, occupied: str) -> Iterator[None]:
    """Keep other processes out of a folder during the block; the system lets go of it when this process ends.

    Parameters
    ----------
    folder
        Created if needed.
    occupied
        For the error message: what else may be at work there, and what to do then.

    Raises
    ------
    FileExistsError
        If another process has locked the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_NAME
    with path.open("w") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileExistsError(occupied) from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):  # file systems without locks
                raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
        yield
