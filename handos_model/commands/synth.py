"""`handos synth`: render labelled training images."""

from pathlib import Path
from typing import Annotated

import typer


def synth(
    assets: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder with hand_cc0 and person_cc0: see docs/synthesis.md.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Annotated folder to write; complete shards are kept.")],
    count: Annotated[int, typer.Option(min=1, help="Number of frames.")],
    seed: Annotated[int, typer.Option(min=0, help="Names the sequence of frames.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 2,
    size: Annotated[int, typer.Option(min=64, max=1024, help="Side of the frames in pixels.")] = 256,
    backgrounds: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Photographs for backgrounds; default: painted ones only.")
    ] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also draw the first frames with their labels.")
    ] = None,
) -> None:
    """Render labelled training images of hands."""
    from handos_model.synthesis.contact_sheet import write_contact_sheet
    from handos_model.synthesis.dataset import render_dataset

    render_dataset(assets, out, count, seed, workers=workers, size=size, backgrounds=backgrounds)
    if contact_sheet is not None:
        write_contact_sheet(out, contact_sheet)
