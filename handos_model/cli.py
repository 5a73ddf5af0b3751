"""The command `handos`: each command parses its options and calls the part that does the work.

Parts are imported inside the commands, so that `handos --help` answers at once and `handos run` needs no torch.
"""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import typer

from handos_model.evaluation_commands import Mano, evaluations

app = typer.Typer(
    help="Hands from pictures and videos: boxes, 2D joints, and joints and meshes in metres.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(evaluations, name="eval")


class Stages(str, Enum):
    """What `handos train` trains."""

    DETECTOR = "detector"
    DECODER = "decoder"
    ALL = "all"


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
    fit_translation: Annotated[
        bool, typer.Option("--fit-translation", help="Place hands by a fit to all of their joints.")
    ] = False,
    mano: Mano = None,
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="What runs the network, as `handos doctor` lists them.")
    ] = "auto",
    track: Annotated[
        bool, typer.Option("--track", help="Follow hands through videos as the node does: ids, smoothed, sides kept.")
    ] = False,
) -> None:
    """Find the hands of pictures, videos or cameras and write them to DIR/hands.jsonl.

    Without --camera or --field-of-view there are pixels, but no metres.
    """
    from typing import cast

    from handos_model.inference.backends import Backend
    from handos_model.inference.pipeline import HandPipeline
    from handos_model.inference.recording import CameraChoice, Recorder
    from handos_model.inference.tracking import TrackingSettings
    from handos_model.io.camera_file import read_camera
    from handos_model.io.source import open_source

    choice = CameraChoice(None if camera is None else read_camera(camera), field_of_view)
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
        if min(width, height) < 1:
            raise ValueError("a picture has at least one pixel")
    except ValueError as error:
        raise ValueError(f"resolution {text!r} is none: write it as 640x480") from error
    return width, height


@app.command()
def build_engine(
    onnx: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    precision: Annotated[
        Literal["fp16", "fp32"], typer.Option(help="Of the heavy operators; backend tensorrt runs fp16.")
    ] = "fp16",
    picture: Annotated[
        str, typer.Option(metavar="WxH", help="Size of the camera's pictures: an engine is for one aspect ratio.")
    ] = "640x480",
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
    from handos_model.inference.onnxruntime_engine import read_properties
    from handos_model.inference.tensorrt.cuda_device import open_cuda_device
    from handos_model.inference.tensorrt.engine import build_stored_engine, engine_store

    weights = shipped_weights() if onnx is None else onnx
    limit = None if workspace is None else workspace << 20
    properties = read_properties(weights)
    size = properties.input_sizes.fitting(*_width_and_height(picture))
    stored = build_stored_engine(weights, properties, size, precision, open_cuda_device(), engine_store(), limit)
    backend = "tensorrt" if precision == "fp16" else "tensorrt-fp32"
    typer.echo(f"{stored.path} ({len(stored.plan) / 2**20:.1f} MiB), used by backend {backend} for inputs of {size}")


@app.command()
def synth(
    assets: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder with hand_cc0 and person_cc0: see docs/synthesis.md.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Annotated folder to write; whole shards in it are kept.")],
    count: Annotated[int, typer.Option(min=1, help="Frames.")],
    seed: Annotated[int, typer.Option(min=0, help="Names the sequence of frames.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    size: Annotated[int, typer.Option(min=64, max=1024, help="Side of the frames in pixels.")] = 256,
    backgrounds: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Photographs for backgrounds; default: painted ones only.")
    ] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also draw the first frames with their labels.")
    ] = None,
) -> None:
    """Render labelled training images of hands."""
    from handos_model.synthesis.contact_sheet import write_contact_sheet
    from handos_model.synthesis.dataset import render_dataset

    render_dataset(assets, out, count, seed, workers=workers, size=size, backgrounds=backgrounds)
    if contact_sheet is not None:
        write_contact_sheet(out, contact_sheet)


@app.command()
def train(
    config: Annotated[Path, typer.Option(metavar="FILE.yaml", help="What is trained, on what, for how long.")],
    state: Annotated[
        Path, typer.Option(metavar="DIR", help="Checkpoints and logs; a run that was interrupted there goes on.")
    ],
    stage: Annotated[Stages, typer.Option(help="The decoder needs a trained detector in DIR.")] = Stages.ALL,
) -> None:
    """Train the detector and, on top of it, the decoder."""
    from handos_model.training.configuration import read_configuration
    from handos_model.training.run import train as train_stage

    configuration = read_configuration(config)
    if stage is Stages.DETECTOR or (stage is Stages.ALL and configuration.detector is not None):
        train_stage(configuration, "detector", state)
    if stage in (Stages.DECODER, Stages.ALL):
        train_stage(configuration, "decoder", state)


@app.command()
def export(
    preset: Annotated[str, typer.Option(metavar="NAME", help="Sizes of the model: see `handos info`.")],
    weights: Annotated[Path, typer.Option(metavar="FILE.pt", help="The decoder.pt that `handos train` wrote.")],
    out: Annotated[Path, typer.Option(metavar="FILE.onnx", help="Network to write.")],
    half: Annotated[bool, typer.Option("--half", help="Half precision, for GPUs.")] = False,
    image_size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side of a square input; default: the preset's.")
    ] = None,
    score_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Least score of a hand that the network recommends.")
    ] = 0.5,
    mano: Annotated[
        Path | None, typer.Option(metavar="FILE.pkl", help="Your MANO_RIGHT.pkl, if the weights' mesh is MANO's.")
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE", help="Pictures on which the file must answer like the weights; repeatable."),
    ] = None,
) -> None:
    """Write trained weights as one ONNX file, checked by the ONNX checker."""
    from handos_model.architecture.onnx_export import ExportProperties, export_onnx
    from handos_model.architecture.presets import preset_named
    from handos_model.hand.mano import read_mano
    from handos_model.hand.topology import HandTopology
    from handos_model.training.decoder_losses import HANDEDNESS_SLOPE
    from handos_model.training.decoder_stage import load_model

    sizes = preset_named(preset)
    topology = HandTopology.load() if mano is None else read_mano(mano)
    model = load_model(sizes, topology, weights)
    properties = ExportProperties(
        preset, topology.id, image_size or sizes.image_size, score_threshold, HANDEDNESS_SLOPE
    )
    export_onnx(model, properties, out, half=half)
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
    if check:
        from handos_model.benchmarks.export_parity import require_parity
        from handos_model.io.source import open_source

        pictures = (frame.image for source in check for frame in open_source(source).frames)
        typer.echo(require_parity(model, out, pictures, half=half))


@app.command()
def info(
    preset: Annotated[str, typer.Option(metavar="NAME", help="edge: the shipped one.")] = "edge",
) -> None:
    """Print what a model is made of, as JSON: parameters, operations, queries, layers."""
    import json

    from handos_model.architecture.description import describe_model
    from handos_model.architecture.presets import preset_named
    from handos_model.hand.topology import HandTopology

    typer.echo(json.dumps(describe_model(preset_named(preset), HandTopology.load()), indent=2))


@app.command()
def doctor() -> None:
    """Say what is installed, what runs the network, and why; exit code 1 if running is not possible."""
    from handos_model.doctor import examine

    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.works else 'FAIL'} {finding.subject}: {finding.state}")
    raise typer.Exit(0 if all(finding.works for finding in findings) else 1)
