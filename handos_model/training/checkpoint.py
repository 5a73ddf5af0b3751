"""Checkpoints: everything a run needs to go on as if it had not been interrupted."""

from pathlib import Path
from typing import Any

import torch
from torch import nn


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


def load_average(module: nn.Module, path: Path, whose: str, remedy: str, prefix: str = "") -> None:
    """Load the averaged weights of a checkpoint.

    Parameters
    ----------
    module
        What they are loaded into; all of its weights must be there.
    path
        The checkpoint.
    whose, remedy
        For complaints: what has these weights, and where a missing file comes from.
    prefix
        Of the names in the checkpoint that are meant; the others are left alone.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no checkpoint, or one of something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: {remedy}")
    weights = load_checkpoint(path).get("average", {})
    try:
        module.load_state_dict(
            {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        )
    except RuntimeError as error:
        raise ValueError(f"{path} holds no weights of {whose}: {error}") from error
