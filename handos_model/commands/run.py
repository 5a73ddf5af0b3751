"""`handos run`: find the hands of images, videos and cameras."""

from pathlib import Path
from typing import Annotated, cast

import typer

from handos_model.commands.options import Mano, ScoreThreshold, Weights


def run(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Images, folders of images, videos, camera numbers.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for hands.jsonl and overlay/.")],
    camera: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help='Intrinsics: {"fx": ..., "fy": ..., "cx": ..., "cy": ...}.')
    ] = None,
    field_of_view: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Assume this view along the longer side instead; metres are then a guess."),
    ] = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also draw the hands over the images.")] = False,
    vertices: Annotated[bool, typer.Option("--vertices", help="Also write the meshes.")] = False,
    weights: Weights = None,
    score_threshold: ScoreThreshold = None,
    fit_translation: Annotated[
        bool, typer.Option("--fit-translation", help="Place hands by a fit to all of their joints.")
    ] = False,
    mano: Mano = None,
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="What runs the network; `handos doctor` lists the backends.")
    ] = "auto",
    track: Annotated[
        bool, typer.Option("--track", help="Track hands through videos as the node does: ids, smoothing, stable sides.")
    ] = False,
) -> None:
    """Find the hands of images, videos or cameras and write them to DIR/hands.jsonl.

    Without --camera or --field-of-view the hands have pixels but no metres.
    """
    from handos_model.geometry.intrinsics import read_intrinsics
    from handos_model.inference.backends.selection import Backend
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.inference.tracking import TrackingSettings
    from handos_model.recordings.recorder import CameraChoice, Recorder
    from handos_model.recordings.source import open_source

    choice = CameraChoice(None if camera is None else read_intrinsics(camera), field_of_view)
    pipeline = HandPipeline.load(
        weights, cast(Backend, backend), score_threshold=score_threshold, fit_translation=fit_translation, mano=mano
    )
    tracking = TrackingSettings() if track else None
    recorder = Recorder(pipeline, out, choice, with_overlay=overlay, with_vertices=vertices, tracking=tracking)
    summary = recorder.record([open_source(source) for source in sources])
    typer.echo(
        f"{summary.frames} frames, hands in {summary.frames_with_hands}, "
        f"{1000 * summary.seconds / max(summary.frames, 1):.1f} ms per frame -> {out / 'hands.jsonl'}"
    )
