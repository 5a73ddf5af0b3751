"""`handos assets`: make the hand, the person and the skins that training images are rendered with."""

from pathlib import Path
from typing import Annotated

import typer


def assets(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make, for `handos synth --assets`.")],
    skins: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Photographed skins for MakeHuman's base mesh; default: painted ones."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Names the random people and the painted skins.")] = 0,
) -> None:
    """Make the hand, the person and the skins that training images are rendered with."""
    from handos_model.synthesis.asset_making.make_assets import make_assets

    make_assets(out, skins=skins, seed=seed)
    typer.echo(f"{out}: assets for `handos synth --assets {out}`; their licence is in LICENCE.md")
