"""Files that are replaced whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
        After an error, keep what was written as ``NAME.partial.SUFFIX``, for files that are useful in part. By default
        it is deleted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept: OpenCV and numpy choose the format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        if keep_partial and temporary.exists():
            temporary.replace(path.with_name(f"{path.stem}.partial{path.suffix}"))
        temporary.unlink(missing_ok=True)
        raise
