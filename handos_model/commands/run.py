"""`handos run`: find the hands of images, videos and cameras."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from handos_model.commands.options import Mano, Operators, ScoreThreshold, Weights

if TYPE_CHECKING:
    from handos_model.recordings.output_folder import Existing, OutputFolder
    from handos_model.recordings.recorder import Recorder, RecordingSummary
    from handos_model.recordings.source import FrameSource


def run(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...", help="Images, folders of images, videos, rosbag2 bags, camera numbers, addresses."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")],
    camera: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help='Intrinsics: {"fx": ..., "fy": ..., "cx": ..., "cy": ...}.')
    ] = None,
    field_of_view: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Assume this view along the longer side instead; metres are then a guess."),
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option(metavar="TOPIC", help="Images in bags; again for more cameras. Default: the only camera."),
    ] = None,
    depth_topic: Annotated[
        list[str] | None,
        typer.Option(metavar="TOPIC", help="Depth aligned with the images, one for each --topic: distances by it."),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Beside hands.jsonl: mcap, parquet, ply, glb or lerobot, each in a folder of its own; again for more.",
        ),
    ] = None,
    task: Annotated[
        str, typer.Option(metavar="TEXT", help="What the hands do, for --format lerobot.")
    ] = "Move the hands.",
    overlay: Annotated[bool, typer.Option("--overlay", help="Also draw the hands over the images.")] = False,
    vertices: Annotated[bool, typer.Option("--vertices", help="Also write the meshes.")] = False,
    weights: Weights = None,
    score_threshold: ScoreThreshold = None,
    fit_translation: Annotated[
        bool, typer.Option("--fit-translation", help="Place hands by a fit to all of their joints.")
    ] = False,
    mano: Mano = None,
    operator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose hands they are: metres are scaled to their measured size.")
    ] = None,
    operators: Operators = None,
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="What runs the network; `handos doctor` lists the backends.")
    ] = "auto",
    track: Annotated[
        bool, typer.Option("--track", help="Track hands through videos as the node does: ids, smoothing, stable sides.")
    ] = False,
    fps: Annotated[
        float | None,
        typer.Option(metavar="FPS", help="Images per second of folders that are sequences in time."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the results in DIR: finished frames are kept.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the results that an earlier run wrote to DIR, and begin anew.")
    ] = False,
) -> None:
    """Find the hands of images, videos, bags or cameras and write them to DIR/hands.jsonl.

    Without --camera or --field-of-view the hands have pixels but no metres, unless a bag has a camera_info. What
    cannot be read is left out of the results and listed at the end, with exit code 1.
    """
    from handos_model import __version__
    from handos_model.geometry.intrinsics import read_intrinsics
    from handos_model.hand_size.operator_folder import OperatorFolder
    from handos_model.inference.backends.selection import Backend
    from handos_model.inference.pipeline import HandPipeline, shipped_weights
    from handos_model.inference.tracking import TrackingSettings
    from handos_model.recordings.camera_choice import CameraChoice
    from handos_model.recordings.formats.registry import make_formats, require_format
    from handos_model.recordings.output_folder import OutputFolder
    from handos_model.recordings.recorder import Recorder

    names = [require_format(name) for name in formats or []]
    folder = OutputFolder(out)
    existing = _existing(resume, overwrite)
    folder.require_usable(existing)
    choice = CameraChoice(None if camera is None else read_intrinsics(camera), field_of_view)
    size = None if operator is None else OperatorFolder.at(operators).read(operator)
    opened, failures = _open_sources(sources, fps, topic or [], depth_topic or [])
    if not opened:
        raise ValueError("\n".join(failures))
    is_calibrated = camera is not None or field_of_view is not None or any(source.is_calibrated for source in opened)
    if size is not None and not is_calibrated:
        raise ValueError("--operator scales metres, and there are none without --camera or --field-of-view: give one")
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
        "--task": task if "lerobot" in names else None,
        "--topic": topic,
        "--depth-topic": depth_topic,
        "--operator": None if size is None else [size.name, size.palm_length],
    }
    recorder = Recorder(
        pipeline,
        out,
        choice,
        with_overlay=overlay,
        with_vertices=vertices,
        tracking=tracking,
        hand_scale=1.0 if size is None else size.scale,
        formats=make_formats(
            names,
            out,
            pipeline.topology,
            with_vertices=vertices,
            operator=("", 1.0) if size is None else (size.name, size.scale),
            task=task,
        ),
        existing=existing,
        settings=settings,
    )
    _report(_record(recorder, opened, failures, folder), folder)


def _existing(resume: bool, overwrite: bool) -> "Existing":
    if resume and overwrite:
        raise ValueError("--resume keeps earlier results and --overwrite deletes them: give one of them")
    return "resume" if resume else "overwrite" if overwrite else "refuse"


def _open_sources(
    sources: list[str], fps: float | None, topics: list[str], depth_topics: list[str]
) -> "tuple[list[FrameSource], list[str]]":
    """The sources that can be opened, and why others cannot."""
    from handos_model.recordings.bags.bag_cameras import TopicChoice
    from handos_model.recordings.frame import SourceError
    from handos_model.recordings.source import is_bag, open_source

    choice = TopicChoice(tuple(topics), tuple(depth_topics))
    opened, failures = [], []
    for source in sources:
        try:
            if is_bag(source):
                from handos_model.recordings.bags.bag_source import open_bag  # with packages of their own

                opened.extend(open_bag(Path(source), choice))
            else:
                opened.append(open_source(source, fps))
        except (OSError, SourceError) as error:
            failures.append(str(error))
    if fps is not None and opened and all(source.kind != "folder" for source in opened):
        raise ValueError("--fps is for folders of images, and no source is one: leave it out")
    if (topics or depth_topics) and opened and all(source.kind != "bag" for source in opened):
        raise ValueError("--topic and --depth-topic are for bags, and no source is one: leave them out")
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
