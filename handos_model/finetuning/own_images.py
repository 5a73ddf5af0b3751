"""The images of a user's folder, and which of them are held back from training."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from handos_model.recordings.image_folder import IMAGE_SUFFIXES, images_below

_HELD_BACK: Final = 0.2
"""Fraction of the images that is aimed at."""
_MOST_HELD_BACK: Final = 0.4
"""Whole subfolders are held back if they make up at most this much."""
_STRETCHES: Final = 2
_GAP: Final = 0.02
"""Images on either side of a stretch that are left out, as a fraction: neighbours in a video look the same."""


@dataclass(frozen=True)
class Split:
    """Names of images, relative to their folder; no frame of the one part has a neighbour in the other."""

    trained: tuple[str, ...]
    held_back: tuple[str, ...]
    rule: str
    """What was held back, in words."""


def find_images(folder: Path) -> list[str]:
    """The images in a folder and its subfolders, by path, in the order of the numbers in their names.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"images {folder} is not a folder: give the folder of your images with --images")
    paths = images_below(folder)
    if not paths:
        raise FileNotFoundError(
            f"folder {folder} and its subfolders hold no images ({', '.join(sorted(IMAGE_SUFFIXES))}): give another "
            "folder with --images"
        )
    return [path.relative_to(folder).as_posix() for path in paths]


def split_images(names: Sequence[str]) -> Split:
    """Hold back about a fifth: whole subfolders where there are several, otherwise stretches of consecutive names.

    Parameters
    ----------
    names
        In order, as `find_images` returns them.
    """
    folders = defaultdict(list)
    for name in names:
        folders[PurePosixPath(name).parent.as_posix()].append(name)
    chosen = _folders_to_hold_back({folder: len(inside) for folder, inside in folders.items()})
    if not chosen:
        return _split_stretches(names)
    return Split(
        tuple(name for folder, inside in folders.items() if folder not in chosen for name in inside),
        tuple(name for folder, inside in folders.items() if folder in chosen for name in inside),
        f"the subfolder{'s' * (len(chosen) > 1)} {', '.join(chosen)}",
    )


def _folders_to_hold_back(sizes: dict[str, int]) -> list[str]:
    """Folders drawn by the hash of their names: their order may be one in time. None, if all of them are large."""
    total, taken, chosen = sum(sizes.values()), 0, []
    for folder in sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if taken + sizes[folder] <= _MOST_HELD_BACK * total and taken < _HELD_BACK * total:
            taken += sizes[folder]
            chosen.append(folder)
    return sorted(chosen) if taken >= _HELD_BACK / 2 * total else []


def _split_stretches(names: Sequence[str]) -> Split:
    count, gap = len(names), math.ceil(_GAP * len(names))
    length = round(_HELD_BACK * count / _STRETCHES)
    starts = [round(count * (2 * k + 1) / (2 * _STRETCHES) - length / 2) for k in range(_STRETCHES)]
    held_back = {k for start in starts for k in range(start, start + length)}
    near = {k + step for k in held_back for step in range(-gap, gap + 1)}
    return Split(
        tuple(name for k, name in enumerate(names) if k not in near),
        tuple(names[k] for k in sorted(held_back)),
        f"{_STRETCHES} stretches of {length} consecutive images each, without the {gap} on either side of them",
    )
