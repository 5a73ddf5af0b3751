"""`handos finetune`: train the shipped network further on one's own images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from handos_model.commands.interruption import interruptible

if TYPE_CHECKING:
    from handos_model.finetuning.comparison import Comparison
    from handos_model.finetuning.outcome import Result
    from handos_model.finetuning.request import Request

_INT8_MEASURES: Final = (("average_precision", "AP of boxes"), ("joints_found", "joints right"))


def finetune(
    images: Annotated[Path, typer.Option(metavar="DIR", help="Your images; subfolders are read, too.")],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.onnx", help="Network to write; FILE.int8.onnx and FILE.safetensors are written beside it."
        ),
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
    if out.suffix != ".onnx" or out.name.endswith(".int8.onnx"):
        raise ValueError(f"--out {out}: name a file that ends in .onnx; FILE.int8.onnx is written beside it")
    state = out.with_name(f"{out.stem}_state") if state is None else state
    with interruptible(lambda: _kept(state)):
        from handos_model.finetuning.finetune import finetune as run
        from handos_model.finetuning.labelling import find_labels
        from handos_model.finetuning.request import Request
        from handos_model.finetuning.request_paths import require_usable_paths

        request = Request(images, labels, out, state, minutes, rendered)
        require_usable_paths(request)
        found = find_labels(images, labels)
        result = run(request, found, typer.echo, lambda line: typer.echo(f"handos: {line}", err=True))
        typer.echo(_report(request, result))
    if result.reasons_against:
        raise typer.Exit(1)


def _kept(state: Path) -> str:
    from handos_model.training.state_folder import kept_training

    labelled = any(state.glob("*/shard_*.npz"))
    return kept_training(state) or (f"{state} keeps labels" if labelled else f"{state} keeps nothing yet")


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
    if not result.reasons_against:
        return "\n".join([*lines, "", *_written(request.out, result), *_doubt(result.own)])
    trained = request.state / "trained.onnx"
    return "\n".join(
        [
            *lines,
            f"\nNot better than the shipped network, so {request.out} is not written:",
            *(f"- {reason}" for reason in result.reasons_against),
            f"The trained network is {trained}, if you want to use it all the same.",
        ]
    )


def _doubt(own: "Comparison") -> list[str]:
    if own.is_beyond_chance:
        return []
    return [f"What became better did so by less than {own.chance:.2f}, which is no proof: measure it on more images"]


def _written(out: Path, result: "Result") -> list[str]:
    from handos_model.architecture.contract import int8_beside

    lines = [f"-> {out}, to run, and {out.with_suffix('.safetensors')}, to train further"]
    int8, path = result.int8, int8_beside(out)
    if int8 is None:
        return [*lines, f"-> {path}, for processors that are faster in int8; this one is not, so it was not measured"]
    values = ((title, getattr(int8.own.before, name), getattr(int8.own.after, name)) for name, title in _INT8_MEASURES)
    measured = ", ".join(
        f"{title} {before:.3f} before, {after:.3f} after"
        for title, before, after in values
        if None not in (before, after)
    )
    if not int8.is_written:
        return [*lines, f"{path} is not written, because in int8 the held-back images are seen worse: {measured}"]
    speed = f"-> {path}, which this processor runs, {int8.speed_up:.1f} times as fast; in int8"
    return [*lines, speed, f"   {measured}"]
