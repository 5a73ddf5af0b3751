"""How many hands are found follows the resolution of the network's input: by how much, and for which hands.

    handos synth --assets ASSETS --out DIR --count 400 --size 640 --seed 9300 --crowds 0.5
    scripts/with_ros.sh python benchmarks/accuracy_by_resolution.py --rendered DIR --out FILE.json

Photographs with boxes (docs/training.md) are measured, too, where there are some: ``--boxes DIR --source NAME``.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from tqdm import tqdm

from handos_model import HandPipeline
from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.datasets.boxed_photographs import BoxedPhotographs
from handos_model.evaluation.box_evaluation import evaluate_boxes
from handos_model.files.atomic_write import atomic_write

RESOLUTIONS: Final = (288, 384, 512, 640)
LOWEST_SCORE: Final = 0.02
"""Weaker hands are not counted into the average precision."""
SIZES: Final = (0.0, 0.03, 0.05, 0.08, 0.15, 1.0)
"""Limits of the classes of hands by size: their longer side as a fraction of the image's."""


@dataclass(frozen=True)
class Row:
    """One kind of image at one resolution."""

    images: str
    resolution: int
    hands: int
    average_precision: float | None
    recall: float | None
    """At the score threshold of the network, as `false_hands`."""
    recall_by_size: dict[str, float | None]
    """Of the hands between two of `SIZES`."""
    false_hands: int


def compare(
    rendered: Annotated[Path, typer.Option(metavar="DIR", help="Annotated folder of rendered frames.")],
    boxes: Annotated[Path | None, typer.Option(metavar="DIR", help="Photographs with boxes.")] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these sources of them.")] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Default: the shipped network.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Also write the results here.")] = None,
) -> None:
    """Measure at each resolution and print a table."""
    kinds: dict[str, Sequence[AnnotatedImage]] = {"rendered": AnnotatedFolder(rendered)}
    if boxes is not None:
        kinds["photographs of people"] = BoxedPhotographs(boxes, only=source or ())
    rows = [measure(name, images, side, weights) for name, images in kinds.items() for side in RESOLUTIONS]
    for row in rows:
        typer.echo(", ".join(f"{name} {short(value)}" for name, value in asdict(row).items()))
    if out is not None:
        with atomic_write(out) as temporary:
            temporary.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def measure(name: str, images: Sequence[AnnotatedImage], resolution: int, weights: Path | None) -> Row:
    """Run the network over all images."""
    pipeline = HandPipeline.load(weights, score_threshold=LOWEST_SCORE, resolution=resolution)
    threshold = pipeline.engine.properties.score_threshold
    shown = tqdm(images, desc=f"{name}, {resolution}", disable=None)
    predictions = [(image, pipeline(image.image, image.camera)) for image in shown]
    evaluation = evaluate_boxes(predictions, threshold)
    recall_by_size = {
        f"{low:.2f} to {high:.2f}": evaluate_boxes(
            [(of_size(image, low, high), hands) for image, hands in predictions], threshold
        ).recall
        for low, high in pairwise(SIZES)
    }
    return Row(
        images=name,
        resolution=resolution,
        hands=evaluation.true_hands,
        average_precision=evaluation.average_precision,
        recall=evaluation.recall,
        recall_by_size=recall_by_size,
        false_hands=evaluation.false_hands,
    )


def of_size(image: AnnotatedImage, low: float, high: float) -> AnnotatedImage:
    """The image with hands between two sizes only; the others do not count."""
    side = max(image.image.shape[:2])
    hands = tuple(hand for hand in image.hands if low <= (hand.box[2:] - hand.box[:2]).max() / side < high)
    return replace(image, hands=hands, is_complete=False)


def short(value: Any) -> str:
    """Fractions with three digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {short(each)}" for name, each in value.items()) + "}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    typer.run(compare)
