"""The folder that an interrupted run goes on from: one run at a time uses it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handos_model.files.atomic_write import remove_abandoned
from handos_model.files.folder_lock import lock_folder


@contextmanager
def claim_state(folder: Path) -> Iterator[None]:
    """Keep other runs out of the folder during the block, and clear away the checkpoints that killed runs began.

    Raises
    ------
    FileExistsError
        If another run is using it.
    NotADirectoryError
        If it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"--state {folder} is a file: name a folder")
    occupied = (
        f"another `handos train` or `handos finetune` is at work in {folder}: wait until it has ended, or name another "
        "folder with --state"
    )
    with lock_folder(folder, occupied):
        remove_abandoned(folder, ".pt")
        yield


def kept_training(folder: Path) -> str | None:
    """In words, up to when training is kept in a state folder; ``None``: there is no checkpoint."""
    checkpoints = [path for path in (folder / "detector.pt", folder / "decoder.pt") if path.is_file()]
    if not checkpoints:
        return None
    newest = max(checkpoints, key=lambda path: path.stat().st_mtime)
    return f"{newest} keeps what was trained until {time.time() - newest.stat().st_mtime:.0f} s ago"
