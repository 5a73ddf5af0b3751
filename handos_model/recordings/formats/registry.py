"""The output formats of `handos run`, by name, and the files that each writes."""

import glob
from collections.abc import Collection, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Final, Literal, cast, get_args

from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.frame_writer import OutputFormat
from handos_model.recordings.source import FrameSource

FormatName = Literal["jsonl", "mcap", "parquet", "ply", "glb", "lerobot"]
"""jsonl is always written: an interrupted run is continued from it."""

_OF_SOURCE: Final[dict[str, tuple[str, ...]]] = {
    "mcap": ("{}.mcap", "{}.partial.mcap"),
    "parquet": ("{}.parquet", "{}.partial.parquet"),
    "ply": ("{}/[0-9][0-9][0-9][0-9][0-9][0-9]*.ply",),
    "glb": ("{}/[0-9][0-9][0-9][0-9][0-9][0-9]*.glb",),
    "lerobot": (".episodes/{}.*",),
}
"""Files of a source in the folder of a format."""
_OF_DATASET: Final = ("meta/*.json", "meta/tasks.parquet", "*/chunk-*/file-*.*", "*/*/chunk-*/file-*.*")
"""Files of a LeRobot data set."""

_NEED_METRES: Final = ("ply", "glb", "lerobot")
_NEED_TIME: Final = ("lerobot",)


def require_format(name: str) -> FormatName:
    """Raise ValueError if there is no such format."""
    if name not in get_args(FormatName):
        raise ValueError(f"--format {name} does not exist: give one of {', '.join(get_args(FormatName))}")
    return cast(FormatName, name)


def require_suitable(names: Iterable[str], source: FrameSource, *, has_camera: bool) -> None:
    """Raise ValueError if a source lacks what a format needs.

    Parameters
    ----------
    names
        The formats.
    has_camera
        Whether the user gives intrinsics or a field of view.
    """
    for name in names:
        if name in _NEED_METRES and not (has_camera or source.is_calibrated):
            raise ValueError(
                f"--format {name} needs metres, and the camera of {source.name} is unknown: give --camera or "
                "--field-of-view"
            )
        if name in _NEED_TIME and not source.is_video:
            raise ValueError(
                f"--format {name} needs images with time, and {source.name} has none: say with --fps how many images "
                "of a folder make a second, or leave it out"
            )


def make_formats(
    names: Iterable[FormatName],
    out: Path,
    topology: HandTopology,
    *,
    with_vertices: bool,
    operator: tuple[str, float],
    task: str,
) -> dict[str, OutputFormat]:
    """The formats beside hands.jsonl, each in the folder of `out` that has its name.

    Parameters
    ----------
    names
        Which formats.
    out
        The run's folder.
    topology
        Topology of the hands' vertices.
    with_vertices
        Also write meshes into formats that are no meshes.
    operator
        Whose size the metres are scaled to, and the factor; "" and 1: nobody's.
    task
        What is done, in words, for LeRobot.
    """
    formats: dict[str, OutputFormat] = {}
    for name in sorted(set(names) - {"jsonl"}):
        if name == "mcap":
            from handos_model.recordings.formats.mcap_format import McapFormat

            formats[name] = McapFormat(out / name, topology, operator, with_meshes=with_vertices)
        elif name == "parquet":
            from handos_model.recordings.formats.parquet_format import ParquetFormat

            formats[name] = ParquetFormat(out / name, with_vertices=with_vertices)
        elif name == "lerobot":
            from handos_model.recordings.formats.lerobot_format import LeRobotFormat

            formats[name] = LeRobotFormat(out / name, task)
        else:
            from handos_model.recordings.formats.mesh_format import MeshFormat, MeshKind

            formats[name] = MeshFormat(out / name, cast(MeshKind, name), topology)
    return formats


def written_files(names: Collection[str], out: Path, stems: Collection[str]) -> Iterator[Path]:
    """Files in `out` that an earlier run wrote.

    Parameters
    ----------
    names
        Its formats.
    stems
        Names of its sources' files.
    """
    for name in set(names) & _OF_SOURCE.keys():
        for stem, pattern in product(stems, _OF_SOURCE[name]):
            yield from (out / name).glob(pattern.format(glob.escape(stem)))
    if "lerobot" in names:
        for pattern in _OF_DATASET:
            yield from (out / "lerobot").glob(pattern)
