"""`handos eval ...`: measure the accuracy of a network, on images, videos and published data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from handos_model.commands.options import Mano, ReportFile, ScoreThreshold, Weights
from handos_model.commands.plain_help import PlainCommand, PlainGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handos_model.datasets.annotations import AnnotatedImage
    from handos_model.evaluation.suites import EvaluationSuite

evaluations = typer.Typer(cls=PlainGroup, help="Measure the accuracy of a network.", no_args_is_help=True)

FieldOfView = Annotated[float, typer.Option(metavar="DEG", help="Field of view assumed along the longer side.")]
DataFolder = Annotated[Path, typer.Option("--data", metavar="DIR", help="Folder of the data set, as published.")]
OutFolder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results; default: one in out/eval.")
]
GroundTruthBox = Annotated[
    bool,
    typer.Option(
        "--gt-box",
        help="Show the network only what methods without a detector see; the results say what that is.",
    ),
]
Joints = Annotated[
    Literal["mesh", "mediapipe"],
    typer.Option(help="Where the reference has its joints: as the hand mesh, or as MediaPipe. The latter are moved."),
]
Predictions = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Score this file, in the data set's own format; no network is run.")
]


@evaluations.command("samples", cls=PlainCommand)
def evaluate_samples(
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder with the images.")],
    reference: Annotated[Path, typer.Option(metavar="FILE.json", help="Annotations of the images.")],
    out: ReportFile = None,
    collection: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only images whose source is NAME; may be repeated.")
    ] = None,
    joints: Joints = "mesh",
    field_of_view: FieldOfView = 60.0,
    weights: Weights = None,
    score_threshold: ScoreThreshold = None,
) -> None:
    """Measure recall, 2D and 3D errors and handedness on a folder of annotated images."""
    from handos_model.datasets.photographs import Photographs

    photographs = Photographs(folder, reference, only=collection or (), convention=joints)
    _measure(photographs, field_of_view, weights, score_threshold, out)


@evaluations.command("rendered", cls=PlainCommand)
def evaluate_rendered(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Folder written by `handos synth`.")],
    out: ReportFile = None,
    weights: Weights = None,
    score_threshold: ScoreThreshold = None,
) -> None:
    """Measure recall, errors and handedness on rendered images, whose annotations are exact."""
    from handos_model.datasets.annotated_folder import AnnotatedFolder

    # Rendered images have intrinsics: the field of view is not used.
    _measure(AnnotatedFolder(data), 60.0, weights, score_threshold, out)


def _measure(
    images: "Iterable[AnnotatedImage]",
    field_of_view: float,
    weights: Path | None,
    score_threshold: float | None,
    out: Path | None,
) -> None:
    from handos_model.evaluation.image_evaluation import evaluate_pipeline
    from handos_model.evaluation.report import format_image_evaluation, write_image_evaluation
    from handos_model.inference.pipeline import HandPipeline

    pipeline = HandPipeline.load(weights, score_threshold=score_threshold, resolution="recommended")
    evaluation = evaluate_pipeline(pipeline, images, field_of_view)
    typer.echo(format_image_evaluation(evaluation))
    if out is not None:
        write_image_evaluation(evaluation, out)


@evaluations.command("video", cls=PlainCommand)
def evaluate_video_of_one_hand(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="Video of one hand.")],
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="21 joints (x, y) in pixels per frame.")
    ] = None,
    joints: Joints = "mesh",
    field_of_view: FieldOfView = 60.0,
    weights: Weights = None,
    score_threshold: ScoreThreshold = None,
) -> None:
    """Measure on a video of one hand how steadily it is detected and how much its joints jitter."""
    from handos_model.evaluation.report import format_video_evaluation
    from handos_model.evaluation.video_evaluation import evaluate_video, read_joints_reference
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.recordings.source import open_source

    pipeline = HandPipeline.load(weights, score_threshold=score_threshold, resolution="recommended")
    expected = None if reference is None else read_joints_reference(reference, joints)
    typer.echo(format_video_evaluation(evaluate_video(pipeline, open_source(video), expected, field_of_view)))


@evaluations.command("freihand", cls=PlainCommand)
def evaluate_freihand(
    data: DataFolder,
    weights: Weights = None,
    out: OutFolder = None,
    gt_box: GroundTruthBox = False,
    predictions: Predictions = None,
    mano: Mano = None,
) -> None:
    """Evaluate 3D joints and vertices on FreiHAND's evaluation set, and write pred.json and pred.zip."""
    from handos_model.evaluation.suites import open_freihand

    _evaluate(open_freihand(data), "freihand", weights, out, gt_box, predictions, mano)


@evaluations.command("ho3d", cls=PlainCommand)
def evaluate_ho3d(
    data: DataFolder,
    weights: Weights = None,
    out: OutFolder = None,
    gt_box: GroundTruthBox = False,
    predictions: Predictions = None,
    mano: Mano = None,
) -> None:
    """Evaluate 3D joints and vertices on the evaluation set of HO3D v2 or v3, and write pred.json and pred.zip."""
    from handos_model.evaluation.suites import open_ho3d

    _evaluate(open_ho3d(data), "ho3d", weights, out, gt_box, predictions, mano)


@evaluations.command("dexycb", cls=PlainCommand)
def evaluate_dexycb(
    data: DataFolder,
    setup: Annotated[Literal["s0", "s1", "s2", "s3"], typer.Option(help="Setup to test on.")] = "s0",
    weights: Weights = None,
    out: OutFolder = None,
    gt_box: GroundTruthBox = False,
    predictions: Predictions = None,
    mano: Mano = None,
) -> None:
    """Evaluate 3D joints on the test set of one of DexYCB's setups, and write its result file."""
    from handos_model.evaluation.suites import open_dexycb

    _evaluate(open_dexycb(data, setup), f"dexycb_{setup}", weights, out, gt_box, predictions, mano)


@evaluations.command("hint", cls=PlainCommand)
def evaluate_hint(
    data: DataFolder,
    part: Annotated[
        Literal["newdays", "epick", "ego4d"] | None,
        typer.Option(help="One of its parts (epick is VISOR); default: all."),
    ] = None,
    weights: Weights = None,
    out: OutFolder = None,
    gt_box: GroundTruthBox = False,
    predictions: Predictions = None,
    mano: Mano = None,
) -> None:
    """Evaluate 2D joints on HInt's test sets, and write the predictions."""
    from handos_model.evaluation.suites import open_hint

    parts: tuple[Literal["newdays", "epick", "ego4d"], ...] = ("newdays", "epick", "ego4d") if part is None else (part,)
    if predictions is not None and part is None:
        raise ValueError("--predictions scores a file of one part of HInt: name the part with --part")
    for name, suite in [(name, open_hint(data, name)) for name in parts]:
        _evaluate(suite, f"hint_{name}", weights, None if out is None else out / name, gt_box, predictions, mano)


def _evaluate(
    suite: "EvaluationSuite",
    name: str,
    weights: Path | None,
    out: Path | None,
    gt_box: bool,
    predictions: Path | None,
    mano: Path | None,
) -> None:
    from handos_model.evaluation.suite_evaluation import evaluate_weights, score_predictions

    if out is None:
        # One folder per protocol, so that none overwrites another.
        suffix = "" if predictions is None else f"_{predictions.stem}"
        out = Path("out/eval") / f"{name}{'_gt_box' if gt_box else ''}{suffix}"
    if predictions is None:
        table = evaluate_weights(suite, weights, out, gt_box=gt_box, mano=mano)
    elif weights is not None or gt_box:
        raise ValueError("--predictions scores a file without running a network: leave out --weights and --gt-box")
    else:
        table = score_predictions(suite, predictions, out)
    typer.echo(table)
    typer.echo(f"\n-> {out}")


@evaluations.command("tracks", cls=PlainCommand)
def evaluate_tracks_of_hands(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder written by `handos synth --sequences`.")],
    out: ReportFile = None,
    coast_time: Annotated[
        float | None, typer.Option(min=0, max=5, help="Seconds for which a lost hand is kept; default: the node's.")
    ] = None,
    smoothing: Annotated[bool, typer.Option(help="Smooth over time, as the node does.")] = True,
    weights: Weights = None,
    score_threshold: ScoreThreshold = None,
) -> None:
    """Measure the tracker on rendered sequences: identities, handedness, false hands, jitter, lag, latency."""
    from dataclasses import asdict, replace

    from handos_model.datasets.hand_sequences import read_sequences
    from handos_model.evaluation.track_evaluation import evaluate_tracker
    from handos_model.evaluation.track_report import format_track_evaluation, write_track_evaluation
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.inference.tracking import TrackingSettings

    sequences, settings = read_sequences(folder), TrackingSettings()
    settings = settings if coast_time is None else replace(settings, coast_time=coast_time)
    settings = settings if smoothing else replace(settings, smoothing=None)
    pipeline, settings = HandPipeline.load(weights, resolution="recommended").for_tracking(settings, score_threshold)
    evaluation = evaluate_tracker(pipeline, sequences, settings)
    typer.echo(format_track_evaluation(evaluation))
    if out is not None:
        write_track_evaluation(evaluation, asdict(settings), out)
