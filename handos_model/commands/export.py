"""`handos export`: write trained weights as a network to run, or to train further."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from handos_model.commands.options import Mano

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handos_model.architecture.contract import NetworkProperties
    from handos_model.architecture.handos import HandOS
    from handos_model.evaluation.export_parity import Precision
    from handos_model.geometry.arrays import ImageArray
    from handos_model.hand.topology import HandTopology

_DEFAULT_SCORE_THRESHOLD: Final = 0.5
"""Recommended minimum score of a hand, as long as no validation has chosen another."""


def export(
    weights: Annotated[
        Path, typer.Option(metavar="FILE", help="The decoder.pt that `handos train` wrote, or a .safetensors file.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="File to write: .onnx to run, .safetensors to keep and train further.")
    ],
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sizes of the model in a decoder.pt: see `handos info`.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Half precision, for GPUs; .onnx only.")] = False,
    image_size: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS", help="Side of a square input. Default: the .safetensors file's, or the preset's."
        ),
    ] = None,
    score_threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Minimum score of a hand to recommend. Default: the file's own, or 0.5."),
    ] = None,
    mano: Mano = None,
    int8: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Also write NAME.int8.onnx beside an .onnx file, for CPUs, calibrated on these images; repeatable.",
        ),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE", help="Images on which an .onnx must agree with the weights; repeatable."),
    ] = None,
) -> None:
    """Write trained weights as one ONNX file, checked by the ONNX checker, or as one safetensors file."""
    from dataclasses import replace

    from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX, is_int8
    from handos_model.architecture.onnx_export import export_onnx, export_sizes
    from handos_model.architecture.trained_weights import write_trained_weights
    from handos_model.finetuning.network_files import write_int8
    from handos_model.hand.mano import read_mano
    from handos_model.hand.topology import HandTopology
    from handos_model.recordings.source import open_source

    if out.suffix not in (".onnx", TRAINED_WEIGHTS_SUFFIX):
        raise ValueError(f"--out {out}: name a file that ends in .onnx or {TRAINED_WEIGHTS_SUFFIX}")
    if is_int8(out):
        raise ValueError(f"--out {out}: name the file in single precision; --int8 writes {out.name} beside it")
    if out.suffix == TRAINED_WEIGHTS_SUFFIX and (half or check or int8):
        raise ValueError(f"--out {out}: --half, --int8 and --check are for .onnx files")
    if half and int8:
        raise ValueError("--half writes a network for GPUs, --int8 one for CPUs: export twice")
    for source in (*(check or ()), *(int8 or ())):
        open_source(source)  # before anything is written
    topology = HandTopology.load() if mano is None else read_mano(mano)
    model, properties = _load_model(weights, preset, topology)
    side, sides = image_size or properties.input_sizes.side, properties.trained_sides
    properties = replace(
        properties,
        input_sizes=export_sizes(model, side, half=half),
        # Weights that are exported for another size were trained for that one.
        trained_sides=None if sides is None or not sides[0] <= side <= sides[1] else sides,
        score_threshold=properties.score_threshold if score_threshold is None else score_threshold,
        # Static shapes have a static number of hands.
        max_hands=None if half else properties.max_hands,
    )
    if out.suffix == TRAINED_WEIGHTS_SUFFIX:
        write_trained_weights(model, properties, out)
    else:
        export_onnx(model, properties, out, half=half)
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
    if check:
        _require_parity(model, out, check, "half" if half else "single")
    if int8:
        quantised = write_int8(out, _images(int8))
        typer.echo(f"{quantised}: {quantised.stat().st_size / 1e6:.1f} MB")
        _require_parity(model, quantised, check or int8, "int8")


def _require_parity(model: "HandOS", exported: Path, sources: list[str], precision: "Precision") -> None:
    from handos_model.evaluation.export_parity import require_parity

    typer.echo(require_parity(model, exported, _images(sources), precision))


def _images(sources: list[str]) -> "Iterator[ImageArray]":
    from handos_model.recordings.source import open_source

    return (frame.image for source in sources for frame in open_source(source).frames)


def _load_model(path: Path, preset: str | None, topology: "HandTopology") -> "tuple[HandOS, NetworkProperties]":
    """The model of a checkpoint or of a safetensors file, and the properties of its network."""
    from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX, NetworkProperties
    from handos_model.architecture.onnx_export import export_sizes
    from handos_model.architecture.presets import preset_named
    from handos_model.architecture.trained_weights import read_trained_model
    from handos_model.training.decoder_losses import HANDEDNESS_SLOPE
    from handos_model.training.decoder_stage import load_model

    if path.suffix == TRAINED_WEIGHTS_SUFFIX:
        return read_trained_model(path, topology, preset)
    if preset is None:
        raise ValueError(f"{path} does not name its preset: name the one that it was trained with (--preset)")
    model = load_model(preset_named(preset), topology, path)
    design = preset_named(preset)
    sizes = export_sizes(model, design.image_size)
    return model, NetworkProperties(
        preset,
        topology.id,
        sizes,
        _DEFAULT_SCORE_THRESHOLD,
        HANDEDNESS_SLOPE,
        design.trained_sides,
        model.slots if design.decodes_found else None,
    )
