"""`handos bench`: how fast each backend is on this machine."""

from pathlib import Path
from typing import Annotated, cast

import typer

from handos_model.commands.options import ReportFile, Weights, parse_resolution


def bench(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image to find the hands of.")],
    weights: Weights = None,
    backend: Annotated[
        list[str], typer.Option(metavar="NAME", help="As `handos doctor` lists them; may be repeated.")
    ] = ["auto"],  # noqa: B006  # typer copies it
    resolution: Annotated[
        list[str], typer.Option(metavar="WxH", help="The image is scaled to it; may be repeated.")
    ] = ["640x480", "1280x720"],  # noqa: B006
    hands: Annotated[
        list[int], typer.Option(metavar="N", min=1, help="Number of hands to decode, whatever their score; repeatable.")
    ] = [2],  # noqa: B006
    runs: Annotated[int, typer.Option(min=1, help="How often each step is timed.")] = 200,
    out: ReportFile = None,
) -> None:
    """Time the steps from image to hands, every backend in a process of its own."""
    from handos_model.evaluation.latency import LatencySetup, format_measurements, write_measurements
    from handos_model.files.images import read_image
    from handos_model.inference.backends.selection import Backend

    resolutions = [parse_resolution(text) for text in resolution]
    setup = LatencySetup(read_image(image), weights, resolutions, hands, runs)
    measurements = [measurement for name in backend for measurement in setup.measure(cast(Backend, name))]
    for engine in dict.fromkeys(f"{measurement.backend}: {measurement.engine}" for measurement in measurements):
        typer.echo(engine)
    typer.echo(format_measurements(measurements))
    if out is not None:
        write_measurements(measurements, out)
