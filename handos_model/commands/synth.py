"""`handos synth`: render labelled training images, or sequences that trackers are measured on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from handos_model.synthesis.rare_scenes import RareScenes


def synth(
    assets: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder with hand_cc0 and person_cc0: see docs/synthesis.md.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write; complete shards and sequences in it are kept.")
    ],
    count: Annotated[int | None, typer.Option(min=1, help="Number of frames.")] = None,
    sequences: Annotated[
        int | None, typer.Option(min=1, help="Instead of frames, sequences: the number of each scenario.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Names what is rendered.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 2,
    size: Annotated[
        int | None,
        typer.Option(min=64, max=1024, help="Side of the frames in pixels; default: 256. Sequences: 640 x 480."),
    ] = None,
    backgrounds: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Photographs for backgrounds; default: painted ones only.")
    ] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also draw frames with their labels.")
    ] = None,
    gloves: Annotated[float, typer.Option(min=0, max=1, help="Share of frames in which hands wear gloves.")] = 0.0,
    crowds: Annotated[float, typer.Option(min=0, max=1, help="Share of frames with three to six people.")] = 0.0,
    darkness: Annotated[float, typer.Option(min=0, max=1, help="Share of frames exposed too little or much.")] = 0.0,
    infrared: Annotated[float, typer.Option(min=0, max=1, help="Share of frames of grey infrared cameras.")] = 0.0,
    head_mounted: Annotated[float, typer.Option(min=0, max=1, help="Share of frames of cameras on heads.")] = 0.0,
    held: Annotated[float, typer.Option(min=0, max=1, help="Share of frames in which hands hold things.")] = 0.0,
) -> None:
    """Render labelled training images of hands, or sequences that trackers are measured on."""
    from handos_model.synthesis.rare_scenes import USUAL_SCENES, RareScenes

    if (count is None) == (sequences is None):
        raise ValueError("give the number of frames with --count, or of sequences with --sequences")
    if backgrounds is not None and not backgrounds.is_dir():
        raise NotADirectoryError(f"--backgrounds {backgrounds} is no folder: give one with photographs")
    rare = RareScenes(
        gloves=gloves, crowds=crowds, darkness=darkness, infrared=infrared, head_mounted=head_mounted, held=held
    )
    if sequences is not None:
        if size is not None:
            raise ValueError("--size is the side of single frames, sequences have 640 x 480 pixels: leave it out")
        if rare != USUAL_SCENES:
            raise ValueError(
                "--gloves, --crowds, --darkness, --infrared, --head-mounted and --held are for single frames: leave "
                "them out"
            )
        _render_sequences(assets, out, sequences, seed, workers, backgrounds, contact_sheet)
    elif count is not None:
        _render_frames(assets, out, count, seed, workers, size or 256, backgrounds, contact_sheet, rare)
    typer.echo(f"-> {', '.join(str(path) for path in (out, contact_sheet) if path is not None)}")


def _render_frames(
    assets: Path,
    out: Path,
    count: int,
    seed: int,
    workers: int,
    size: int,
    backgrounds: Path | None,
    contact_sheet: Path | None,
    rare: "RareScenes",
) -> None:
    from handos_model.synthesis.contact_sheet import write_contact_sheet
    from handos_model.synthesis.dataset import render_dataset

    render_dataset(assets, out, count, seed, workers=workers, size=size, backgrounds=backgrounds, rare=rare)
    if contact_sheet is not None:
        write_contact_sheet(out, contact_sheet)


def _render_sequences(
    assets: Path,
    out: Path,
    count: int,
    seed: int,
    workers: int,
    backgrounds: Path | None,
    contact_sheet: Path | None,
) -> None:
    from handos_model.synthesis.contact_sheet import write_sequence_sheet
    from handos_model.synthesis.sequences import render_sequences

    render_sequences(assets, out, count, seed, workers=workers, backgrounds=backgrounds)
    if contact_sheet is not None:
        write_sequence_sheet(out, contact_sheet)
