"""`python -m handos_model.synthesis`: render training images."""

from pathlib import Path
from typing import Annotated

import typer

from handos_model.synthesis.dataset import render_dataset


def main(
    assets: Annotated[Path, typer.Option(help="Folder with hand_cc0 and person_cc0; see docs/synthesis.md.")],
    out: Annotated[Path, typer.Option(help="Annotated folder to write; whole shards in it are kept.")],
    count: Annotated[int, typer.Option(min=1, help="Frames.")],
    seed: Annotated[int, typer.Option(min=0, help="Names the sequence of frames.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    size: Annotated[int, typer.Option(min=64, max=1024, help="Side of the frames in pixels.")] = 256,
    backgrounds: Annotated[
        Path | None, typer.Option(help="Folder of photographs; procedural backgrounds only if absent.")
    ] = None,
) -> None:
    """Render labelled training images of hands."""
    try:
        render_dataset(assets, out, count, seed, workers=workers, size=size, backgrounds=backgrounds)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    typer.run(main)
