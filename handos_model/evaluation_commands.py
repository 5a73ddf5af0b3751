"""The commands `handos eval ...`."""

from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handos_model.benchmarks.benchmark import Benchmark
    from handos_model.io.annotations import AnnotatedImage

evaluations = typer.Typer(help="Compare what the network finds with annotated images.", no_args_is_help=True)

Weights = Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")]
ReportFile = Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the numbers here too.")]
FieldOfView = Annotated[float, typer.Option(metavar="DEG", help="Assumed along the longer side.")]
Threshold = Annotated[
    float | None, typer.Option(min=0, max=1, help="Least score of a hand; default: what the network recommends.")
]
Mano = Annotated[
    Path | None, typer.Option(metavar="MANO_RIGHT.pkl", help="Your copy, for weights that were trained on MANO's mesh.")
]
DataFolder = Annotated[Path, typer.Option("--data", metavar="DIR", help="Folder of the data set, as published.")]
OutFolder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results; default: one in out/eval.")
]
TrueBox = Annotated[
    bool,
    typer.Option("--gt-box", help="Show the network a square around the true hand only."),
]
Predictions = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Score this file in the benchmark's format; no network is run.")
]


@evaluations.command("samples")
def evaluate_samples(
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder with the pictures.")],
    reference: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the hands are in them.")],
    out: ReportFile = None,
    collection: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only pictures whose source is NAME; may be repeated.")
    ] = None,
    field_of_view: FieldOfView = 60.0,
    weights: Weights = None,
    score_threshold: Threshold = None,
) -> None:
    """Measure recall, 2D and 3D errors and sides on a folder of annotated pictures."""
    from handos_model.benchmarks.samples import read_samples

    samples = read_samples(folder, reference, collection or ())
    _measure(samples, field_of_view, weights, score_threshold, out)


@evaluations.command("rendered")
def evaluate_rendered(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Folder written by `handos synth`.")],
    out: ReportFile = None,
    weights: Weights = None,
    score_threshold: Threshold = None,
) -> None:
    """Measure the same on rendered scenes, whose hands are known exactly."""
    from handos_model.io.annotated_folder import AnnotatedFolder

    # Rendered scenes come with their intrinsics: no field of view is assumed.
    _measure(AnnotatedFolder(data), 60.0, weights, score_threshold, out)


def _measure(
    images: "Iterable[AnnotatedImage]",
    field_of_view: float,
    weights: Path | None,
    score_threshold: float | None,
    out: Path | None,
) -> None:
    from handos_model.benchmarks.evaluation import evaluate_pipeline
    from handos_model.benchmarks.report import table_of, write_report
    from handos_model.inference.pipeline import HandPipeline

    pipeline = HandPipeline.load(weights, score_threshold=score_threshold)
    evaluation = evaluate_pipeline(pipeline, images, field_of_view)
    typer.echo(table_of(evaluation))
    if out is not None:
        write_report(evaluation, out)


@evaluations.command("video")
def evaluate_video_of_one_hand(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video of one hand.")],
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Its 21 joints (x, y) in pixels, a list for each frame.")
    ] = None,
    field_of_view: FieldOfView = 60.0,
    weights: Weights = None,
    score_threshold: Threshold = None,
) -> None:
    """Measure how steadily a video's hand is seen, and how calm its joints are."""
    from handos_model.benchmarks.report import video_table_of
    from handos_model.benchmarks.video import evaluate_video, read_joints_reference
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.io.source import open_source

    pipeline = HandPipeline.load(weights, score_threshold=score_threshold)
    joints = None if reference is None else read_joints_reference(reference)
    typer.echo(video_table_of(evaluate_video(pipeline, open_source(video), joints, field_of_view)))


@evaluations.command("freihand")
def evaluate_freihand(
    data: DataFolder,
    weights: Weights = None,
    out: OutFolder = None,
    gt_box: TrueBox = False,
    predictions: Predictions = None,
    mano: Mano = None,
) -> None:
    """FreiHAND's evaluation set: writes pred.json, measures 3D joints and vertices."""
    _require_packages()
    from handos_model.benchmarks.benchmark import open_freihand

    _evaluate(open_freihand(data), "freihand", weights, out, gt_box, predictions, mano)


@evaluations.command("ho3d")
def evaluate_ho3d(
    data: DataFolder,
    weights: Weights = None,
    out: OutFolder = None,
    gt_box: TrueBox = False,
    predictions: Predictions = None,
    mano: Mano = None,
) -> None:
    """HO3D's evaluation set, version 2 or 3: writes pred.json, measures 3D joints and vertices."""
    _require_packages()
    from handos_model.benchmarks.benchmark import open_ho3d

    _evaluate(open_ho3d(data), "ho3d", weights, out, gt_box, predictions, mano)


@evaluations.command("dexycb")
def evaluate_dexycb(
    data: DataFolder,
    setup: Annotated[Literal["s0", "s1", "s2", "s3"], typer.Option(help="Whose test set to take.")] = "s0",
    weights: Weights = None,
    out: OutFolder = None,
    gt_box: TrueBox = False,
    predictions: Predictions = None,
    mano: Mano = None,
) -> None:
    """The test set of one of DexYCB's setups: writes its result file, measures 3D joints."""
    _require_packages()
    from handos_model.benchmarks.benchmark import open_dexycb

    _evaluate(open_dexycb(data, setup), f"dexycb_{setup}", weights, out, gt_box, predictions, mano)


@evaluations.command("hint")
def evaluate_hint(
    data: DataFolder,
    part: Annotated[
        Literal["newdays", "epick", "ego4d"] | None,
        typer.Option(help="One of its parts, epick being VISOR; default: all."),
    ] = None,
    weights: Weights = None,
    out: OutFolder = None,
    gt_box: TrueBox = False,
    predictions: Predictions = None,
    mano: Mano = None,
) -> None:
    """HInt's test sets: writes and measures 2D joints."""
    _require_packages()
    from handos_model.benchmarks.benchmark import open_hint

    parts: tuple[Literal["newdays", "epick", "ego4d"], ...] = ("newdays", "epick", "ego4d") if part is None else (part,)
    if predictions is not None and part is None:
        raise ValueError("--predictions scores a file of one part of HInt: name it with --part")
    for name, benchmark in [(name, open_hint(data, name)) for name in parts]:
        _evaluate(benchmark, f"hint_{name}", weights, None if out is None else out / name, gt_box, predictions, mano)


def _require_packages() -> None:
    missing = [name for name in ("matplotlib", "scipy", "yaml") if util.find_spec(name) is None]
    if missing:
        raise ValueError(f"benchmarks need {', '.join(missing)}, not installed: `pip install handos[eval]`")


def _evaluate(
    benchmark: "Benchmark",
    name: str,
    weights: Path | None,
    out: Path | None,
    gt_box: bool,
    predictions: Path | None,
    mano: Path | None,
) -> None:
    from handos_model.benchmarks.running import evaluate_weights, score_predictions

    if out is None:
        # What is evaluated in another way has another folder, or the one would overwrite the other.
        of_file = "" if predictions is None else f"_{predictions.stem}"
        out = Path("out/eval") / f"{name}{'_gt_box' if gt_box else ''}{of_file}"
    if predictions is None:
        table = evaluate_weights(benchmark, weights, out, crop_to_true_box=gt_box, mano=mano)
    elif weights is not None or gt_box:
        raise ValueError("--predictions scores a file, no network is run: leave out --weights and --gt-box")
    else:
        table = score_predictions(benchmark, predictions, out)
    typer.echo(table)
    typer.echo(f"\n-> {out}")
