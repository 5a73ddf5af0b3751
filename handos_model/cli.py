"""The command `handos`: each command parses its options and calls the part that does the work.

Parts are imported inside the commands, so that `handos --help` answers at once and `handos run` needs no torch.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Hands from pictures and videos: boxes, 2D joints, and joints and meshes in metres.",
    no_args_is_help=True,
    add_completion=False,
)
evaluations = typer.Typer(help="Compare what the network finds with annotated images.", no_args_is_help=True)
app.add_typer(evaluations, name="eval")


def main() -> None:
    """Run the command line; mistakes of the user end in one line and exit code 1."""
    try:
        app()
    except (OSError, ValueError, ArithmeticError) as error:
        print(f"handos: {error}", file=sys.stderr)
        sys.exit(1)


@app.command()
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
    overlay: Annotated[bool, typer.Option("--overlay", help="Also draw the hands into the pictures.")] = False,
    vertices: Annotated[bool, typer.Option("--vertices", help="Also write the meshes.")] = False,
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    score_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Least score of a hand; default: what the network recommends.")
    ] = None,
) -> None:
    """Find the hands of pictures, videos or cameras and write them to DIR/hands.jsonl.

    Without --camera or --field-of-view there are pixels, but no metres.
    """
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.inference.recording import CameraChoice, Recorder
    from handos_model.io.camera_file import read_camera
    from handos_model.io.source import open_source

    choice = CameraChoice(None if camera is None else read_camera(camera), field_of_view)
    pipeline = HandPipeline.load(weights, score_threshold=score_threshold)
    recorder = Recorder(pipeline, out, choice, with_overlay=overlay, with_vertices=vertices)
    summary = recorder.record([open_source(source) for source in sources])
    typer.echo(
        f"{summary.frames} frames, hands in {summary.frames_with_hands}, "
        f"{1000 * summary.seconds / max(summary.frames, 1):.1f} ms per frame -> {out / 'hands.jsonl'}"
    )


@evaluations.command("samples")
def evaluate_samples(
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder with the pictures.")],
    reference: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the hands are in them.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the numbers here too.")] = None,
    collection: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only pictures whose source is NAME; may be repeated.")
    ] = None,
    field_of_view: Annotated[float, typer.Option(metavar="DEG", help="Assumed along the longer side.")] = 60.0,
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    score_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Least score of a hand; default: what the network recommends.")
    ] = None,
) -> None:
    """Measure recall, 2D and 3D errors and sides on a folder of annotated pictures."""
    from handos_model.benchmarks.evaluation import evaluate_pipeline
    from handos_model.benchmarks.report import table_of, write_report
    from handos_model.benchmarks.samples import read_samples
    from handos_model.inference.pipeline import HandPipeline

    samples = read_samples(folder, reference, collection or ())
    pipeline = HandPipeline.load(weights, score_threshold=score_threshold)
    evaluation = evaluate_pipeline(pipeline, samples, field_of_view)
    typer.echo(table_of(evaluation))
    if out is not None:
        write_report(evaluation, out)


@app.command()
def bench(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Picture to find the hands of.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    backend: Annotated[
        list[str], typer.Option(metavar="NAME", help="As `handos doctor` lists them; may be repeated.")
    ] = ["auto"],  # noqa: B006  # typer copies it
    resolution: Annotated[
        list[str], typer.Option(metavar="WxH", help="The picture is scaled to it; may be repeated.")
    ] = ["640x480", "1280x720"],  # noqa: B006
    hands: Annotated[
        list[int], typer.Option(metavar="N", min=1, help="Hands to read, whatever their score; may be repeated.")
    ] = [2],  # noqa: B006
    runs: Annotated[int, typer.Option(min=1, help="How often each step is timed.")] = 200,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the numbers here too.")] = None,
) -> None:
    """Time the steps from picture to hands, every backend in a process of its own."""
    from typing import cast

    from handos_model.benchmarks.latency import LatencyBenchmark, table_of, write_measurements
    from handos_model.inference.backends import Backend
    from handos_model.io.source import read_image

    resolutions = [_width_and_height(text) for text in resolution]
    benchmark = LatencyBenchmark(read_image(image), weights, resolutions, hands, runs)
    measurements = [measurement for name in backend for measurement in benchmark.measure(cast(Backend, name))]
    for engine in dict.fromkeys(f"{measurement.backend}: {measurement.engine}" for measurement in measurements):
        typer.echo(engine)
    typer.echo(table_of(measurements))
    if out is not None:
        write_measurements(measurements, out)


def _width_and_height(text: str) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in text.split("x"))
    except ValueError as error:
        raise ValueError(f"resolution {text!r} is none: write it as 640x480") from error
    return width, height


@app.command()
def build_engine(
    onnx: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    precision: Annotated[
        Literal["fp16", "fp32"], typer.Option(help="Of the heavy operators; backend tensorrt runs fp16.")
    ] = "fp16",
    workspace: Annotated[
        int | None, typer.Option(metavar="MIB", min=1, help="GPU memory that a layer may take; default: any.")
    ] = None,
) -> None:
    """Compile the network by TensorRT for the GPU of this machine and keep it; the node does the same on first use."""
    import logging

    from handos_model.inference.backends import require_backend
    from handos_model.inference.pipeline import shipped_weights

    logging.basicConfig(level=logging.INFO, format="handos: %(message)s")
    require_backend("tensorrt")
    from handos_model.inference.tensorrt.cuda_device import open_cuda_device
    from handos_model.inference.tensorrt.engine import build_stored_engine, engine_store

    weights = shipped_weights() if onnx is None else onnx
    limit = None if workspace is None else workspace << 20
    stored = build_stored_engine(weights, precision, open_cuda_device(), engine_store(), limit)
    backend = "tensorrt" if precision == "fp16" else "tensorrt-fp32"
    typer.echo(f"{stored.path} ({len(stored.plan) / 2**20:.1f} MiB), used by backend {backend}")


@app.command()
def doctor() -> None:
    """Say what is installed, what runs the network, and why; exit code 1 if running is not possible."""
    from handos_model.doctor import examine

    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.works else 'FAIL'} {finding.subject}: {finding.state}")
    raise typer.Exit(0 if all(finding.works for finding in findings) else 1)
