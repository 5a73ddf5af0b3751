"""How well the shipped network sees what is held back: measured once, before training.

How long that takes tells how long it will take to measure the trained network, too.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handos_model.datasets.annotations import AnnotatedImage
from handos_model.files.atomic_write import atomic_write
from handos_model.finetuning.comparison import Quality, measure, predict


@dataclass(frozen=True)
class ShippedQuality:
    """The shipped network on the images that are held back."""

    own: Quality
    """Of the user's images."""
    guard: Quality
    """Of rendered frames; of no image, if there are none."""
    guard_scores: tuple[float, ...]
    """Of all hands in the rendered frames, weak ones too."""
    seconds_per_image: float


def shipped_quality(
    file: Path, held_back: Sequence[AnnotatedImage], guard: Sequence[AnnotatedImage], threshold: float
) -> ShippedQuality:
    """Measure the shipped network, unless an earlier part of this run has written the result to `file`.

    Parameters
    ----------
    file
        In the state folder.
    held_back, guard
        The user's images, and rendered frames.
    threshold
        The score that the shipped network recommends.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    if file.is_file():
        return _read(file)
    own, others = predict(None, held_back, "held back, before"), predict(None, guard, "rendered, before")
    quality = ShippedQuality(
        measure(own.predictions, threshold),
        measure(others.predictions, threshold),
        tuple(others.scores),
        own.seconds_per_image,
    )
    with atomic_write(file) as temporary:
        temporary.write_text(json.dumps(asdict(quality)), encoding="utf-8")
    return quality


def _read(file: Path) -> ShippedQuality:
    try:
        stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return ShippedQuality(
            Quality(**stored["own"]),
            Quality(**stored["guard"]),
            tuple(stored["guard_scores"]),
            float(stored["seconds_per_image"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file} is damaged ({error}): name another folder with --state") from error
