"""Reads .npz files of numbers and text."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_MAX_BYTES: Final = 1 << 30
"""Of all arrays together: a compressed file can be a thousandth of what it unpacks to."""


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, too large, or holds objects or numbers that are not finite; the message names the array.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MAX_BYTES:
            raise ValueError(f"it would unpack to {size} bytes, more than {_MAX_BYTES}")
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, npt.NDArray[Any]] = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as arrays: {error}") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{path}: its {name} is not an array")
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise ValueError(f"{path}: its {name} holds numbers that are not finite")
    return arrays
