"""``pred.zip``, the archive of pred.json that the evaluation servers of FreiHAND and HO3D take."""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from typing import Final

from handos_model.files.atomic_write import atomic_write

_NAME_IN_ARCHIVE: Final = "pred.json"
"""The servers' scripts look for this name."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The same predictions give the same bytes."""


def archive_path(file: Path) -> Path:
    """Path of the archive of a prediction file: beside it."""
    return file.with_suffix(".zip")


def write_archive(file: Path) -> Path:
    """Compress a prediction file into the archive beside it, and return the archive's path."""
    path = archive_path(file)
    member = zipfile.ZipInfo(_NAME_IN_ARCHIVE, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    with (
        atomic_write(path) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
        file.open("rb") as source,
        archive.open(member, "w", force_zip64=True) as target,
    ):
        copyfileobj(source, target)
    return path


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the path of the JSON file in an archive, unpacked for the time of the block; other files as they are.

    Raises
    ------
    ValueError
        If the archive is damaged, or does not contain exactly one JSON file.
    """
    if not zipfile.is_zipfile(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="handos_predictions_") as folder:
        unpacked_file = Path(folder) / _NAME_IN_ARCHIVE
        _unpack(path, unpacked_file)
        yield unpacked_file


def _unpack(path: Path, target: Path) -> None:
    try:
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(_json_member(archive, path)) as source,
            target.open("wb") as file,
        ):
            copyfileobj(source, file)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} is a damaged or encrypted archive ({error}): write it again") from error


def _json_member(archive: zipfile.ZipFile, path: Path) -> str:
    """`pred.json` or, as in the official scripts, the only JSON file."""
    names = [name for name in archive.namelist() if name.endswith(".json") and not name.startswith("__MACOSX/")]
    named = [name for name in names if PurePosixPath(name).name == _NAME_IN_ARCHIVE]
    candidates = named or names
    if len(candidates) != 1:
        raise ValueError(
            f"{path} contains {len(candidates)} JSON files ({', '.join(archive.namelist()[:5])}): an archive of "
            f"predictions contains one, {_NAME_IN_ARCHIVE}"
        )
    return candidates[0]
