"""`handos export`: write trained weights as one ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from handos_model.commands.options import Mano


def export(
    preset: Annotated[str, typer.Option(metavar="NAME", help="Sizes of the model: see `handos info`.")],
    weights: Annotated[Path, typer.Option(metavar="FILE.pt", help="The decoder.pt that `handos train` wrote.")],
    out: Annotated[Path, typer.Option(metavar="FILE.onnx", help="Network to write.")],
    half: Annotated[bool, typer.Option("--half", help="Half precision, for GPUs.")] = False,
    image_size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side of a square input; default: the preset's.")
    ] = None,
    score_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Minimum score of a hand that the network recommends.")
    ] = 0.5,
    mano: Mano = None,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE", help="Images on which the file must agree with the weights; repeatable."),
    ] = None,
) -> None:
    """Write trained weights as one ONNX file, checked by the ONNX checker."""
    from handos_model.architecture.contract import NetworkProperties
    from handos_model.architecture.onnx_export import export_onnx, export_sizes
    from handos_model.architecture.presets import preset_named
    from handos_model.hand.mano import read_mano
    from handos_model.hand.topology import HandTopology
    from handos_model.training.decoder_losses import HANDEDNESS_SLOPE
    from handos_model.training.decoder_stage import load_model

    sizes = preset_named(preset)
    topology = HandTopology.load() if mano is None else read_mano(mano)
    model = load_model(sizes, topology, weights)
    input_sizes = export_sizes(model, image_size or sizes.image_size, half=half)
    properties = NetworkProperties(preset, topology.id, input_sizes, score_threshold, HANDEDNESS_SLOPE)
    export_onnx(model, properties, out, half=half)
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
    if check:
        from handos_model.evaluation.export_parity import require_parity
        from handos_model.recordings.source import open_source

        images = (frame.image for source in check for frame in open_source(source).frames)
        typer.echo(require_parity(model, out, images, half=half))
