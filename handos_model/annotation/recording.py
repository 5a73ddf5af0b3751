"""`Recording`: one video, bag or folder of images, the unit of work; `find_recordings` finds them."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handos_model.files.nearest_path import did_you_mean
from handos_model.recordings.address import is_address
from handos_model.recordings.frame import SourceError
from handos_model.recordings.image_folder import IMAGE_SUFFIXES
from handos_model.recordings.source import BAG_METADATA, is_recording_file

LIST_SUFFIX: Final = ".txt"


@dataclass(frozen=True)
class Recording:
    """One video, bag or folder of images."""

    path: Path
    """Absolute, so that workers in other folders and on other machines find it."""
    size: int
    """Bytes; 0 if it does not exist."""

    @classmethod
    def at(cls, path: Path) -> "Recording":
        """The recording at an absolute path, as it is now."""
        files = path.iterdir() if path.is_dir() else [path]
        return cls(path, sum(file.stat().st_size for file in files if file.is_file()))

    @property
    def key(self) -> str:
        """Name of its results: it depends on nothing but the path, whatever else is annotated."""
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return f"{self.path.name.partition('.')[0] or self.path.name}-{digest}"


def find_recordings(sources: Sequence[str], dataset: Path, *, with_images: bool) -> list[Recording]:
    """The recordings that are named, in the order of their paths, each once.

    Parameters
    ----------
    sources
        Files, folders to be searched, and lists of them: text files with one a line, relative to the list's folder.
        A file that is named but does not exist is a recording, too, so that it is reported as one.
    dataset
        Folder of the results, which is not searched.
    with_images
        Whether folders with images are recordings.

    Raises
    ------
    SourceError
        If a folder holds no recording, or a source is a camera or an address.
    FileNotFoundError
        If a list does not exist.
    """
    found: set[Path] = set()
    for source in sources:
        found.update(_expand(source, Path.cwd(), dataset.absolute(), with_images=with_images))
    return [Recording.at(path) for path in sorted(found)]


def require_any(recordings: Sequence[Recording]) -> None:
    """Raise FileNotFoundError if none of the recordings exists."""
    missing = [recording.path for recording in recordings if not recording.path.exists()]
    if missing and len(missing) == len(recordings):
        others = "" if len(missing) == 1 else f", nor do {len(missing) - 1} others"
        raise FileNotFoundError(
            f"source {missing[0]} does not exist{did_you_mean(missing[0])}{others}: give videos, bags, folders that "
            "are searched for them, or lists of them (.txt)"
        )


def _expand(source: str, base: Path, dataset: Path, *, with_images: bool) -> Iterator[Path]:
    if is_address(source) or (source.isdecimal() and not (base / source).exists()):
        raise SourceError(
            f"source {source} is a camera or an address, which cannot be read again: `handos run` records it"
        )
    path = Path(os.path.normpath(base / Path(source).expanduser()))
    if path.suffix.lower() == LIST_SUFFIX:
        for line in filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines())):
            yield from _expand(line, path.parent, dataset, with_images=with_images)
    elif path.is_dir():
        searched = list(_search(path, dataset, with_images=with_images))
        if not searched:
            images = "" if with_images else "; folders of images are recordings with --fps"
            raise SourceError(f"folder {path} holds no videos and no bags{images}")
        yield from searched
    elif path.suffix.lower() in IMAGE_SUFFIXES:
        raise SourceError(f"source {path} is a single image, not a recording: give it to `handos run`")
    else:
        yield path


def _search(folder: Path, dataset: Path, *, with_images: bool) -> Iterator[Path]:
    """Recordings in a folder and those below it; a folder with the metadata of a bag is one."""
    for parent, below, names in os.walk(folder):
        here = Path(parent)
        if here == dataset:
            below.clear()
        elif BAG_METADATA in names:
            below.clear()
            yield here
        else:
            yield from (here / name for name in names if is_recording_file(Path(name)))
            if with_images and _holds_images(names):
                yield here


def _holds_images(names: Iterable[str]) -> bool:
    return any(Path(name).suffix.lower() in IMAGE_SUFFIXES for name in names)
