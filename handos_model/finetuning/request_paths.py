"""Files and folders that a request names: refused at once where nothing can be written, or others' files would be."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from handos_model.finetuning.request import Request

RENDER: Final = (
    "`handos assets --out data/assets`, `handos synth --assets data/assets --out data/rendered --count 2000 --size "
    "320`, then --rendered data/rendered"
)
"""How a user gets rendered frames."""


def require_usable_paths(request: Request) -> None:
    """Refuse places that cannot be written to, a state folder in a place of its own kind, and frames that are none.

    Raises
    ------
    OSError, ValueError
        The message names the option and its value.
    """
    _require_writable("--out", request.out)
    if request.out.is_dir():
        raise IsADirectoryError(f"--out {request.out} is a folder: name a file that ends in .onnx")
    _require_own_state(request)
    _require_writable("--state", request.state)
    if request.rendered is not None:
        _require_frames(request.rendered)


def _require_writable(option: str, path: Path) -> None:
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.lstat()  # fails for names that are too long
        folder = next(each for each in path.absolute().parents if each.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{option} {path} cannot be written ({error.strerror}): name another place") from error


def _require_own_state(request: Request) -> None:
    state, images = request.state.resolve(), request.images.resolve()
    if state == request.out.resolve():
        raise ValueError(f"--state {request.state} is --out, too: name a folder, or leave --state out")
    if state == images:
        place = "is"
    elif images in state.parents:
        place = "lies in"
    elif state in images.parents:
        place = "holds"
    else:
        return
    raise ValueError(
        f"--state {request.state} {place} the folder of --images, {request.images}: name a folder apart from your "
        "images with --state; by default it is beside --out"
    )


def _require_frames(folder: Path) -> None:
    if not any(folder.glob("shard_*.npz")):
        content = "has other content" if folder.is_dir() and any(folder.iterdir()) else "is empty or no folder"
        raise FileNotFoundError(
            f"--rendered {folder} {content}, no frames of `handos synth`: render into data/rendered or another new "
            f"folder: {RENDER}"
        )
