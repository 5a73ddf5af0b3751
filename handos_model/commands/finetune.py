"""`handos finetune`: train the shipped network further on one's own images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from handos_model.finetuning.comparison import Comparison
    from handos_model.finetuning.finetune import Result
    from handos_model.finetuning.request import Request


def finetune(
    images: Annotated[Path, typer.Option(metavar="DIR", help="Your images; subfolders are read, too.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE.onnx", help="Network to write; FILE.safetensors is written beside it.")
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="COCO-style boxes or joints of hands; default: what the network is certain of."
        ),
    ] = None,
    rendered: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder written by `handos synth`, so that nothing else is forgotten."),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="Time for everything.")] = 60.0,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where an interrupted run goes on; default: a folder beside --out, FILE_state."
        ),
    ] = None,
) -> None:
    """Train the shipped network further on your own images, and compare both on some that are held back."""
    from handos_model.finetuning.finetune import finetune as run
    from handos_model.finetuning.labelling import find_labels
    from handos_model.finetuning.request import Request

    if out.suffix != ".onnx":
        raise ValueError(f"--out {out}: name a file that ends in .onnx")
    state = out.with_name(f"{out.stem}_state") if state is None else state
    request = Request(images, labels, out, state, minutes, rendered)
    result = run(request, find_labels(images, labels), typer.echo)
    typer.echo(_report(request, result))
    if result.reasons_against:
        raise typer.Exit(1)


def _table(title: str, comparison: "Comparison") -> str:
    counts = f"{comparison.before.images} {title}, {comparison.before.hands} hands"
    return f"\n{counts}: differences up to {comparison.chance:.2f} may be chance\n{comparison}"


def _report(request: "Request", result: "Result") -> str:
    lines = [_table("images that were held back", result.own)]
    if result.guard is None:
        lines.append(
            "\nWhat the network saw before and may have forgotten was not measured: name rendered frames (--rendered)"
        )
    else:
        lines.append(_table("rendered images", result.guard))
    weights = request.out.with_suffix(".safetensors")
    if not result.reasons_against:
        return "\n".join([*lines, f"\n-> {request.out}, to run, and {weights}, to train further"])
    trained = request.state / "trained.onnx"
    return "\n".join(
        [
            *lines,
            f"\nNot better than the shipped network, so {request.out} is not written:",
            *(f"- {reason}" for reason in result.reasons_against),
            f"The trained network is {trained}, if you want to use it all the same.",
        ]
    )
