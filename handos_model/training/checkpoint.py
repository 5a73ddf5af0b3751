"""Checkpoints: everything that a run needs to be resumed as if it had not been interrupted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX
from handos_model.architecture.trained_weights import read_trained_weights
from handos_model.files.atomic_write import atomic_write


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; an interrupted write leaves the previous one intact."""
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are unpickled.

    Parameters
    ----------
    path
        The file.
    mapped
        Leave the tensors in the file until they are used.

    Raises
    ------
    ValueError
        If the file is not a readable checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    # Unpickling a damaged file can raise anything.
    except Exception as error:
        raise ValueError(
            f"{path} is not a readable checkpoint of `handos train` ({type(error).__name__}): name a detector.pt or "
            "decoder.pt that it wrote, or start again with another --state"
        ) from error
    return dict(state)


@dataclass(frozen=True)
class Progress:
    """How far a stage has come."""

    step: int = 0
    seconds: float = 0.0
    """Of training, in all parts of a run that was interrupted."""


def read_progress(path: Path) -> Progress:
    """How far the stage of a checkpoint has come; not at all, if there is none.

    Raises
    ------
    ValueError
        If the file is not a readable checkpoint.
    """
    if not path.is_file():
        return Progress()
    state = load_checkpoint(path, mapped=True)
    return Progress(int(state["step"]), float(state.get("seconds", 0.0)))


def load_averaged_weights(module: nn.Module, path: Path, expected: str, remedy: str, prefix: str = "") -> None:
    """Load the averaged weights of a checkpoint, or the weights of a safetensors file, into a module.

    Parameters
    ----------
    module
        All of its weights must be in the file.
    path
        The file.
    expected, remedy
        For error messages: what the weights belong to, and how to get a missing file.
    prefix
        Load only the weights whose names start with this, without it.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is not such a file, or not one of such a module.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: {remedy}")
    weights = (
        read_trained_weights(path)
        if path.suffix == TRAINED_WEIGHTS_SUFFIX
        else load_checkpoint(path).get("average", {})
    )
    try:
        module.load_state_dict(
            {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        )
    except RuntimeError as error:
        raise ValueError(f"{path} does not hold the weights of {expected}: {error}") from error
