"""Image files of a folder and of the folders below it, in order."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from handos_model.files.images import read_image
from handos_model.recordings.frame import Frame

IMAGE_SUFFIXES: Final[frozenset[str]] = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
RUN_RECORD: Final = "hands.run.json"
"""Beside the results of a run."""
OVERLAYS: Final = "overlay"
"""Folder of a run's drawn images."""

_LOGGER = logging.getLogger(__name__)


class ImageFiles:
    """Iterator over image files; after one that cannot be read it goes on with the next.

    Parameters
    ----------
    paths
        The files, in order.
    rate
        Images per second; ``None`` if they have no time.
    """

    def __init__(self, paths: Sequence[Path], rate: float | None) -> None:
        self._paths = enumerate(paths)
        self._rate = rate

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        index, path = next(self._paths)
        return Frame(read_image(path), str(path), index, stamp=0.0 if self._rate is None else index / self._rate)


def images_in(folder: Path) -> list[Path]:
    """Image files of a folder, in the order of the numbers in their names; none if it may not be read."""
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()]
    except PermissionError:
        return []
    return sorted(paths, key=lambda path: natural_order(path.name))


def images_below(folder: Path) -> list[Path]:
    """Image files of a folder and then, folder by folder, of those below it; see `folders_below`."""
    return [path for parent, _ in folders_below(folder) for path in images_in(parent)]


def folders_below(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield a folder and those below it, in the order of the numbers in their names, each with its files' names.

    Hidden folders, links to folders and the overlays that an earlier run drew are left out, and, with a warning, those
    that may not be read.

    Raises
    ------
    OSError
        If the folder itself may not be read.
    """

    def warn(error: OSError) -> None:
        if error.filename == os.fspath(folder):
            raise error
        _LOGGER.warning("the images of a folder are left out: %s", error)

    for parent, below, names in os.walk(folder, onerror=warn):
        drawn = OVERLAYS if RUN_RECORD in names else None
        below[:] = sorted((name for name in below if not name.startswith(".") and name != drawn), key=natural_order)
        yield Path(parent), names


def folder_of(image: str, folders: frozenset[str]) -> str | None:
    """The folder, of those given, that an image was found in or below; ``None``: in none of them."""
    return next((str(parent) for parent in Path(image).parents if str(parent) in folders), None)


def natural_order(name: str) -> tuple[list[str | int], str]:
    """Sort key by which 2.png comes before 10.png."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if position % 2 else part.lower() for position, part in enumerate(parts)], name
