"""`handos run`: find the hands of images, videos and cameras."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from handos_model.commands.options import (
    BackendName,
    Camera,
    DepthTopics,
    FieldOfView,
    FitTranslation,
    Formats,
    ImageRate,
    Mano,
    MaxHands,
    Operator,
    Operators,
    Resolution,
    ScoreThreshold,
    TaskInWords,
    Topics,
    Vertices,
    Weights,
    announce_lack_of_metres,
)

if TYPE_CHECKING:
    from handos_model.recordings.formats.registry import FormatName
    from handos_model.recordings.frame_loop import RecordingSummary
    from handos_model.recordings.output_folder import Existing, OutputFolder
    from handos_model.recordings.recorder import Recorder
    from handos_model.recordings.source import FrameSource
    from handos_model.recordings.viewers.viewer_choice import ViewerChoice


def run(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Images, folders of images, videos, rosbag2 bags, camera numbers, addresses."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the results; not needed to see them only, by the next three."),
    ] = None,
    view: Annotated[bool, typer.Option("--view", help="Show image, hands and scores in a window, by Rerun.")] = False,
    rrd: Annotated[
        Path | None, typer.Option(metavar="FILE.rrd", help="Write what the window shows, for `rerun FILE.rrd`.")
    ] = None,
    foxglove: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT", help="Serve live messages to Foxglove; without HOST to this computer only."
        ),
    ] = None,
    camera: Camera = None,
    field_of_view: FieldOfView = None,
    topic: Topics = None,
    depth_topic: DepthTopics = None,
    formats: Formats = None,
    task: TaskInWords = "Move the hands.",
    overlay: Annotated[bool, typer.Option("--overlay", help="Also draw the hands over the images.")] = False,
    vertices: Vertices = False,
    weights: Weights = None,
    score_threshold: ScoreThreshold = None,
    resolution: Resolution = None,
    max_hands: MaxHands = None,
    fit_translation: FitTranslation = False,
    mano: Mano = None,
    operator: Operator = None,
    operators: Operators = None,
    backend: BackendName = "auto",
    track: Annotated[
        bool, typer.Option("--track", help="Track hands through videos as the node does: ids, smoothing, stable sides.")
    ] = False,
    fps: ImageRate = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the results in DIR: finished frames are kept.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the results that an earlier run wrote to DIR, and begin anew.")
    ] = False,
) -> None:
    """Find the hands of images, videos, bags or cameras; write them to DIR/hands.jsonl, or show them.

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
    from handos_model.recordings.formats.registry import make_formats, require_format, require_suitable
    from handos_model.recordings.frame_estimator import FrameEstimator
    from handos_model.recordings.frame_loop import require_time
    from handos_model.recordings.output_folder import OutputFolder
    from handos_model.recordings.recorder import Recorder
    from handos_model.recordings.viewers.viewer_choice import ViewerChoice
    from handos_model.recordings.watching import watch

    names = [require_format(name) for name in formats or []]
    existing = _existing(resume, overwrite)
    viewers = ViewerChoice(view, rrd, foxglove)
    if out is None:
        _require_only_seen(viewers, {"--format": formats, "--overlay": overlay, "--resume": resume})
    else:
        OutputFolder(out).require_usable(existing)
    if rrd is not None and resume:
        raise ValueError("--rrd would lack the frames that --resume keeps: leave one of them out")
    viewers.require_usable(overwrite=overwrite)
    choice = CameraChoice(None if camera is None else read_intrinsics(camera), field_of_view)
    size = None if operator is None else OperatorFolder.at(operators).read(operator)
    opened, failures = _open_sources(sources, fps, topic or [], depth_topic or [])
    if not opened:
        raise ValueError("\n".join(failures))
    viewers.require_suitable(opened)
    for source in opened:
        require_suitable(names, source, has_camera=choice != CameraChoice())
    without_camera = [source.name for source in opened if choice == CameraChoice() and not source.is_calibrated]
    if size is not None and len(without_camera) == len(opened):
        raise ValueError("--operator scales metres, and there are none without --camera or --field-of-view: give one")
    pipeline = HandPipeline.load(
        weights,
        cast(Backend, backend),
        score_threshold=score_threshold,
        max_hands=max_hands,
        resolution=resolution,
        fit_translation=fit_translation,
        mano=mano,
    )
    tracking = None
    if track:
        for source in opened:
            require_time(source)
        pipeline, tracking = pipeline.for_tracking(TrackingSettings(), score_threshold)
    settings = {
        "version of handos": __version__,
        "--weights": _checksum(weights or shipped_weights(cast(Backend, backend))),
        "--score-threshold": score_threshold,
        "--resolution": resolution,
        "--max-hands": max_hands,
        "--fit-translation": fit_translation,
        "--fps": fps,
        "--task": task if "lerobot" in names else None,
        "--topic": topic,
        "--depth-topic": depth_topic,
        "--operator": None if size is None else [size.name, size.palm_length],
    }
    if without_camera:
        announce_lack_of_metres(without_camera)
    scaled_to = ("", 1.0) if size is None else (size.name, size.scale)
    with viewers.open(pipeline.topology, scaled_to, with_meshes=vertices) as shown:
        if viewers.websocket is not None:
            typer.echo(f"handos: in Foxglove, open the connection {viewers.websocket}", err=True)
        if out is None:
            estimator = partial(FrameEstimator, pipeline, choice, tracking, scaled_to[1])
            _report(watch(opened, estimator, shown, failures), _place(None, names, rrd))
            return
        folder = OutputFolder(out)
        recorder = Recorder(
            pipeline,
            out,
            choice,
            with_overlay=overlay,
            with_vertices=vertices,
            tracking=tracking,
            hand_scale=scaled_to[1],
            formats=make_formats(names, out, pipeline.topology, with_vertices=vertices, operator=scaled_to, task=task),
            existing=existing,
            settings=settings,
            viewers=shown,
        )
        _report(_record(recorder, opened, failures, folder), _place(folder, names, rrd))


def _existing(resume: bool, overwrite: bool) -> "Existing":
    if resume and overwrite:
        raise ValueError("--resume keeps earlier results and --overwrite deletes them: give one of them")
    return "resume" if resume else "overwrite" if overwrite else "refuse"


def _require_only_seen(viewers: "ViewerChoice", options: Mapping[str, object]) -> None:
    """Check that a run without --out shows its hands, and is asked for nothing that has to be written there."""
    if not viewers:
        raise ValueError("nothing would become of the hands: give --out DIR, or --view, --rrd or --foxglove")
    without_place = [option for option, value in options.items() if value]
    if without_place:
        raise ValueError(f"{' and '.join(without_place)} need a folder for the results: give --out DIR")


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


def _place(folder: "OutputFolder | None", formats: "Sequence[FormatName]", rrd: Path | None) -> str:
    """What a run has written, in words."""
    kept = [] if folder is None else [folder.results, folder.overlays, *(folder.path / name for name in formats)]
    kept = [path for path in kept if path.exists()]
    if rrd is not None:
        kept.append(rrd)
    if not kept:
        return "nothing is kept: give --out DIR to keep the hands"
    return ", ".join(map(str, kept)) + ("" if rrd is None else f" (to see it: `rerun {rrd}`)")


def _report(summary: "RecordingSummary", place: str) -> None:
    kept = f" ({summary.kept_frames} kept from before)" if summary.kept_frames else ""
    typer.echo(
        f"{summary.frames} frames{kept}, hands in {summary.frames_with_hands}, "
        f"{1000 * summary.seconds / max(summary.frames, 1):.1f} ms per frame -> {place}"
    )
    for reason, count in summary.rejections.most_common():
        typer.echo(f"{count} hands, or their metres, were left out because they could not be true: {reason}")
    if summary.failures:
        typer.echo(f"handos: {len(summary.failures)} failed; the results of everything else are complete:", err=True)
        for failure in summary.failures:
            typer.echo(f"  {failure}", err=True)
        raise typer.Exit(1)
