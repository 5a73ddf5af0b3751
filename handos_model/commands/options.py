"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Weights = Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped one.")]
ScoreThreshold = Annotated[
    float | None, typer.Option(min=0, max=1, help="Minimum score of a hand; default: what the network recommends.")
]
Mano = Annotated[
    Path | None, typer.Option(metavar="MANO_RIGHT.pkl", help="Your copy, for weights trained on MANO's mesh.")
]
Operators = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of measured operators; default: handos/operators in $XDG_DATA_HOME."),
]
ReportFile = Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the numbers to this file too.")]

# Of `handos run` and `handos annotate`.
Camera = Annotated[
    Path | None, typer.Option(metavar="FILE.json", help='Intrinsics: {"fx": ..., "fy": ..., "cx": ..., "cy": ...}.')
]
FieldOfView = Annotated[
    float | None,
    typer.Option(metavar="DEG", help="Assume this view along the longer side instead; metres are then a guess."),
]
Topics = Annotated[
    list[str] | None,
    typer.Option(metavar="TOPIC", help="Images in bags; again for more cameras. Default: the only camera."),
]
DepthTopics = Annotated[
    list[str] | None,
    typer.Option(metavar="TOPIC", help="Depth aligned with the images, one for each --topic: distances by it."),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Beside hands.jsonl: mcap, parquet, ply, glb or lerobot, each in a folder of its own; again for more.",
    ),
]
TaskInWords = Annotated[str, typer.Option(metavar="TEXT", help="What the hands do, for --format lerobot.")]
Vertices = Annotated[bool, typer.Option("--vertices", help="Also write the meshes.")]
FitTranslation = Annotated[bool, typer.Option("--fit-translation", help="Place hands by a fit to all of their joints.")]
Operator = Annotated[
    str | None, typer.Option(metavar="NAME", help="Whose hands they are: metres are scaled to their measured size.")
]
BackendName = Annotated[
    str, typer.Option(metavar="NAME", help="What runs the network; `handos doctor` lists the backends.")
]
Resolution = Annotated[
    int | None,
    typer.Option(
        metavar="PIXELS",
        help="Look at images with as many pixels as a square of this side, where the weights leave a choice: small "
        "hands need more pixels, which take more time. Default: as the weights recommend, on GPUs up to 640.",
    ),
]
MaxHands = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="The most hands in an image; default: as the network can.")
]
ImageRate = Annotated[
    float | None,
    typer.Option(metavar="FPS", help="Images per second of folders that are sequences in time."),
]


def announce_lack_of_metres(sources: Sequence[str]) -> None:
    """Say that the hands of some sources will have no metres, because their camera is unknown."""
    others = "" if len(sources) == 1 else f" and {len(sources) - 1} more"
    typer.echo(
        f"handos: the hands of {sources[0]}{others} get pixels, no metres, because nothing says how wide the camera "
        "sees: give --field-of-view 60, about a webcam's, or --camera FILE.json",
        err=True,
    )


def parse_resolution(text: str) -> tuple[int, int]:
    """Width and height of a text such as 640x480.

    Raises
    ------
    ValueError
        If it is something else.
    """
    try:
        width, height = (int(side) for side in text.split("x"))
        if min(width, height) < 1:
            raise ValueError("an image has at least one pixel")
    except ValueError as error:
        raise ValueError(f"resolution {text!r} is invalid: write it as 640x480") from error
    return width, height
