"""`handos annotate`: the hands of many recordings, as one data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

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
    Operator,
    Operators,
    ScoreThreshold,
    TaskInWords,
    Topics,
    Vertices,
    Weights,
    announce_lack_of_metres,
)

if TYPE_CHECKING:
    from handos_model.annotation.annotation import Annotation
    from handos_model.annotation.dataset_folder import DatasetFolder
    from handos_model.annotation.recording import Recording
    from handos_model.annotation.recording_annotator import RecordingAnnotator
    from handos_model.annotation.recording_report import RecordingReport
    from handos_model.annotation.settings import AnnotationSettings
    from handos_model.annotation.workers import Workers

_SHOWN_FAILURES: Final = 10


def annotate(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Videos, rosbag2 bags, folders that are searched for them, lists of them (.txt)."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DATASET", help="Folder of the data set.")],
    camera: Camera = None,
    field_of_view: FieldOfView = None,
    topic: Topics = None,
    depth_topic: DepthTopics = None,
    formats: Formats = None,
    task: TaskInWords = "Move the hands.",
    vertices: Vertices = False,
    weights: Weights = None,
    score_threshold: ScoreThreshold = None,
    fit_translation: FitTranslation = False,
    mano: Mano = None,
    operator: Operator = None,
    operators: Operators = None,
    backend: BackendName = "auto",
    track: Annotated[bool, typer.Option("--track/--no-track", help="Ids, smoothing and stable sides.")] = True,
    fps: ImageRate = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes, each on one core; default: by cores and GPUs."),
    ] = None,
    retries: Annotated[
        int, typer.Option(min=0, metavar="N", help="Further attempts where a worker died or a disk failed.")
    ] = 2,
    stretch: Annotated[
        int,
        typer.Option(
            min=1, metavar="FRAMES", help="Cut videos this often, to work on one in parallel; results stay the same."
        ),
    ] = 3000,
    ray_address: Annotated[
        str | None,
        typer.Option("--ray", metavar="ADDRESS", help='Work on this Ray cluster; "auto": the one of this machine.'),
    ] = None,
    gpus_per_worker: Annotated[
        float, typer.Option(min=0, metavar="GPUS", help="With --ray, GPUs of each worker; may be a fraction.")
    ] = 0.0,
) -> None:
    """Find the hands of many recordings and write them to DATASET.

    What is done is kept: after Ctrl+C, a crash or a full disk the same command goes on, and with more sources it adds
    them. DATASET/recordings.jsonl says what became of each recording. Exit code 1: some are incomplete or have failed.
    """
    from handos_model.annotation.annotation import Annotation
    from handos_model.annotation.dataset_folder import DatasetFolder
    from handos_model.annotation.recording import find_recordings, require_any
    from handos_model.annotation.recording_annotator import RecordingAnnotator
    from handos_model.annotation.settings import AnnotationSettings
    from handos_model.geometry.intrinsics import read_intrinsics
    from handos_model.hand_size.operator_folder import OperatorFolder
    from handos_model.inference.backends.selection import Backend
    from handos_model.recordings.bags.bag_cameras import TopicChoice
    from handos_model.recordings.camera_choice import CameraChoice
    from handos_model.recordings.formats.registry import require_format

    if gpus_per_worker and ray_address is None:
        raise ValueError("--gpus-per-worker is for --ray: without it the workers share the GPUs of this machine")
    size = None if operator is None else OperatorFolder.at(operators).read(operator)
    settings = AnnotationSettings(
        weights=weights and weights.absolute(),
        backend=cast(Backend, backend),
        score_threshold=score_threshold,
        fit_translation=fit_translation,
        mano=mano and mano.absolute(),
        camera=CameraChoice(None if camera is None else read_intrinsics(camera), field_of_view),
        topics=TopicChoice(tuple(topic or ()), tuple(depth_topic or ())),
        image_rate=fps,
        formats=tuple(require_format(name) for name in formats or ()),
        task=task,
        with_vertices=vertices,
        is_tracked=track,
        operator=("", 1.0) if size is None else (size.name, size.scale),
    )
    dataset = DatasetFolder(out.absolute())
    recordings = find_recordings(sources, dataset.path, with_images=fps is not None)
    require_any(recordings)
    _require_packages(settings, recordings, ray_address)
    annotator = RecordingAnnotator(settings, dataset, settings.manifest(), stretch)
    with dataset.claim(annotator.manifest):
        annotation = Annotation(recordings, dataset, retries)
        _run(annotation, annotator, workers, ray_address, gpus_per_worker)
        left_out = _put_lerobot_together(annotation, settings)
        annotation.write_table(left_out)
        dataset.clear_work(annotation.unfinished)
    _report(annotation, dataset, left_out)


def _require_packages(
    settings: "AnnotationSettings", recordings: "Sequence[Recording]", ray_address: str | None
) -> None:
    """Import here what workers will need, so that a missing package is one error and not one for each recording."""
    from handos_model.hand.topology import HandTopology
    from handos_model.recordings.formats.registry import make_formats
    from handos_model.recordings.source import is_bag

    make_formats(settings.formats, Path(), HandTopology.load(), with_vertices=False, operator=("", 1.0), task="")
    if any(is_bag(recording.path) for recording in recordings):
        from handos_model.recordings.bags import bag_source  # noqa: F401
    if ray_address is not None:
        import ray  # noqa: F401


def _announce_lack_of_metres(settings: "AnnotationSettings", recordings: "Sequence[Recording]") -> None:
    """Bags may say which camera took their images; videos and images never do."""
    from handos_model.recordings.camera_choice import CameraChoice
    from handos_model.recordings.source import is_bag

    without = [str(recording.path) for recording in recordings if not is_bag(recording.path)]
    if settings.camera == CameraChoice() and without:
        announce_lack_of_metres(without)


def _run(
    annotation: "Annotation",
    annotator: "RecordingAnnotator",
    count: int | None,
    ray_address: str | None,
    gpus_per_worker: float,
) -> None:
    """Work until all is tried; if it is stopped, say what is safe."""
    if not annotation.unfinished:
        return
    _announce_lack_of_metres(annotator.settings, annotation.unfinished)
    workers = _workers(annotator, count, ray_address, gpus_per_worker)
    try:
        annotation.run(workers)
    except KeyboardInterrupt as error:
        workers.close()
        annotation.read_published()
        annotation.write_table()
        done = len(annotation.recordings) - len(annotation.unfinished)
        typer.echo(
            f"handos: interrupted: {done} of {len(annotation.recordings)} recordings are safe in "
            f"{annotation.dataset.path}; to go on, give the same command again",
            err=True,
        )
        raise typer.Exit(130) from error
    finally:
        workers.close()


def _workers(
    annotator: "RecordingAnnotator", count: int | None, ray_address: str | None, gpus_per_worker: float
) -> "Workers":
    from handos_model.annotation.local_workers import LocalWorkers, default_workers

    if ray_address is None:
        return LocalWorkers(annotator, count or default_workers())
    from handos_model.annotation.ray_workers import RayWorkers  # with a package of its own

    return RayWorkers(annotator, ray_address, count, gpus_per_worker)


def _put_lerobot_together(annotation: "Annotation", settings: "AnnotationSettings") -> dict[str, str]:
    if "lerobot" not in settings.formats:
        return {}
    from handos_model.annotation.lerobot_episodes import put_episodes_together  # with packages of its own

    dataset = annotation.dataset
    results = {report.source: dataset.path / report.folder for report in annotation.all_reports() if report.folder}
    return put_episodes_together(dataset.lerobot, settings.task, results)


def _report(annotation: "Annotation", dataset: "DatasetFolder", left_out: dict[str, str]) -> None:
    reports = annotation.reports()
    frames, seconds = sum(report.frames for report in reports), sum(report.seconds for report in reports)
    done = [report for report in reports if report.folder is not None]
    typer.echo(
        f"{len(done)} of {len(reports)} recordings, {frames} frames, hands in "
        f"{sum(report.frames_with_hands for report in reports)}, {1000 * seconds / max(frames, 1):.1f} ms of a worker "
        f"per frame -> {dataset.path}"
    )
    bad = [f"{report.source}: {_error(report)}" for report in reports if report.status in ("incomplete", "failed")]
    bad += left_out.values()
    if bad:
        typer.echo(f"handos: {len(bad)} failed, are incomplete or left out; {dataset.table} has all of them:", err=True)
        for line in bad[:_SHOWN_FAILURES]:
            typer.echo(f"  {line}", err=True)
    if annotation.stopped is not None:
        raise OSError(f"{annotation.stopped}; what is done is safe in {dataset.path}, give the same command to go on")
    if bad:
        raise typer.Exit(1)


def _error(report: "RecordingReport") -> str:
    return report.errors[-1] if report.errors else report.status
