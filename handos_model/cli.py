"""The command `handos`: each command parses its options and calls the part that does the work.

Parts are imported inside the commands, so that `handos --help` answers at once and `handos run` needs no torch.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from handos_model.evaluation_commands import evaluations

app = typer.Typer(
    help="Hands from pictures and videos: boxes, 2D joints, and joints and meshes in metres.",
    no_args_is_help=True,
    add_completion=False,
)
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


@app.command()
def bench(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Picture to find the hands of.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    score_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Least score of a hand; 0 reads all slots of the network.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="How often each step is timed.")] = 200,
) -> None:
    """Time the steps from picture to hands."""
    from handos_model.benchmarks.latency import measure_latency
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.io.source import read_image

    pipeline = HandPipeline.load(weights, score_threshold=score_threshold)
    picture = read_image(image)
    typer.echo(f"{len(pipeline(picture))} hands, {pipeline.engine.description}, {runs} runs")
    for step, latency in measure_latency(pipeline, picture, runs).items():
        typer.echo(f"{step:<18}{latency.median:8.2f} ms median, {latency.slowest_tenth:8.2f} ms at most in 90 %")


@app.command()
def doctor() -> None:
    """Say what is installed, what runs the network, and why; exit code 1 if running is not possible."""
    from handos_model.doctor import examine

    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.works else 'FAIL'} {finding.subject}: {finding.state}")
    raise typer.Exit(0 if all(finding.works for finding in findings) else 1)
