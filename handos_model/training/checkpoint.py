"""Checkpoints: everything a run needs to go on as if it had not been interrupted."""

from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write beside and rename, so that an interrupted write leaves the previous checkpoint whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    torch.save(state, unfinished)
    unfinished.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are unpickled.

    Raises
    ------
    ValueError
        If the file is not a readable checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    # Damaged files raise whatever their random instructions run into.
    except Exception as error:
        raise ValueError(
            f"{path} is not a readable checkpoint ({error}): delete it to start this stage anew"
        ) from error
    return dict(state)
