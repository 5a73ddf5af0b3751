"""Options that several commands share."""

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
