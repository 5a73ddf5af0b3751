"""`handos run`: find the hands of images, videos and cameras."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from handos_model.commands.options import Mano, ScoreThreshold, Weights

if TYPE_CHECKING:
    from handos_model.recordings.output_folder import Existing, OutputFolder
    from handos_model.recordings.recorder import Recorder, RecordingSummary
    from handos_model.recordings.source import FrameSource


def run(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Images, folders of images, videos, camera numbers, addresses."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for hands.jsonl, hands.run.json and overlay/.")],
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
    fps: Annotated[
        float | None,
        typer.Option(metavar="FPS", help="Images per second of folders that are sequences in time, for --track."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the results in DIR: finished frames are kept.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the results that an earlier run wrote to DIR, and begin anew.")
    ] = False,
) -> None:
    """Find the hands of images, videos or cameras and write them to DIR/hands.jsonl.

    Without --camera or --field-of-view the hands have pixels but no metres. What cannot be read is left out of the
    results and listed at the end, with exit code 1.
    """
    from handos_model import __version__
    from handos_model.geometry.intrinsics import read_intrinsics
    from handos_model.inference.backends.selection import Backend
    from handos_model.inference.pipeline import HandPipeline, shipped_weights
    from handos_model.inference.tracking import TrackingSettings
    from handos_model.recordings.output_folder import OutputFolder
    from handos_model.recordings.recorder import CameraChoice, Recorder

    folder = OutputFolder(out)
    existing = _existing(resume, overwrite)
    folder.require_usable(existing)
    choice = CameraChoice(None if camera is None else read_intrinsics(camera), field_of_view)
    opened, failures = _open_sources(sources, fps)
    if not opened:
        raise ValueError("\n".join(failures))
    pipeline = HandPipeline.load(
        weights, cast(Backend, backend), score_threshold=score_threshold, fit_translation=fit_translation, mano=mano
    )
    tracking = None
    if track:
        pipeline, tracking = pipeline.for_tracking(TrackingSettings(), score_threshold)
    settings = {
        "version of handos": __version__,
        "--weights": _checksum(weights or shipped_weights(cast(Backend, backend))),
        "--score-threshold": score_threshold,
        "--fit-translation": fit_translation,
        "--fps": fps,
    }
    recorder = Recorder(
        pipeline,
        out,
        choice,
        with_overlay=overlay,
        with_vertices=vertices,
        tracking=tracking,
        existing=existing,
        settings=settings,
    )
    _report(_record(recorder, opened, failures, folder), folder)


def _existing(resume: bool, overwrite: bool) -> "Existing":
    if resume and overwrite:
        raise ValueError("--resume keeps earlier results and --overwrite deletes them: give one of them")
    return "resume" if resume else "overwrite" if overwrite else "refuse"


def _open_sources(sources: list[str], fps: float | None) -> "tuple[list[FrameSource], list[str]]":
    """The sources that can be opened, and why others cannot."""
    from handos_model.recordings.frame import SourceError
    from handos_model.recordings.source import open_source

    opened, failures = [], []
    for source in sources:
        try:
            opened.append(open_source(source, fps))
        except (OSError, SourceError) as error:
            failures.append(str(error))
    if fps is not None and opened and all(source.kind != "folder" for source in opened):
        raise ValueError("--fps is for folders of images, and no source is one: leave it out")
    return opened, failures


def _checksum(path: Path) -> str:
    """Weights under the same name may have changed."""
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _record(
    recorder: "Recorder", sources: "list[FrameSource]", failures: list[str], folder: "OutputFolder"
) -> "RecordingSummary":
    """Run the recorder; if it is stopped, say what is safe."""
    try:
        return recorder.record(sources, failures)
    except KeyboardInterrupt as error:
        typer.echo(f"handos: interrupted: {folder.safe_results()}", err=True)
        raise typer.Exit(130) from error
    except OSError as error:
        if isinstance(error, FileExistsError):
            raise
        raise OSError(f"{error}; {folder.safe_results()}") from error


def _report(summary: "RecordingSummary", folder: "OutputFolder") -> None:
    kept = f" ({summary.kept_frames} kept from before)" if summary.kept_frames else ""
    typer.echo(
        f"{summary.frames} frames{kept}, hands in {summary.frames_with_hands}, "
        f"{1000 * summary.seconds / max(summary.frames, 1):.1f} ms per frame -> {folder.results}"
    )
    for reason, count in summary.rejections.most_common():
        typer.echo(f"{count} hands, or their metres, were left out because they could not be true: {reason}")
    if summary.failures:
        typer.echo(f"handos: {len(summary.failures)} failed; the results of everything else are complete:", err=True)
        for failure in summary.failures:
            typer.echo(f"  {failure}", err=True)
        raise typer.Exit(1)
