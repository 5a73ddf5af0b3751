"""Before and after: how well two networks see the same images, and whether the second one is better."""

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tqdm import tqdm

from handos_model.datasets.annotations import AnnotatedImage
from handos_model.evaluation.box_evaluation import evaluate_boxes
from handos_model.evaluation.image_evaluation import evaluate_images
from handos_model.hand.hand import Hand
from handos_model.inference.backends.selection import Backend
from handos_model.inference.pipeline import HandPipeline

BACKEND: Final[Backend] = "onnxruntime"
"""The faster ones differ from machine to machine, and the int8 of a network need not be as good as the network."""
LOWEST_SCORE: Final = 0.02
"""Weaker hands are not counted into the average precision."""
TOLERANCE: Final = 0.01
"""Smaller differences on a few hundred hands are chance."""
_CHANGED_BY_CHANCE: Final = 0.4
"""Divided by the square root of the number of hands: one hand in six is found by one of two such networks only."""
_FORGOTTEN: Final = 0.02
"""By how much images that are not the user's own may become worse."""

_DECISIVE: Final = ("average_precision", "joints_found")
_WORSE_SHAPE_MM: Final = 1.0
"""By how much 3D joints may become worse: 2D labels do not say anything about depth."""

Predictions = Sequence[tuple[AnnotatedImage, tuple[Hand, ...]]]


@dataclass(frozen=True)
class Seen:
    """What a network sees in a set of images."""

    predictions: Predictions
    seconds_per_image: float
    """Of the network, median; 0 without images."""

    @property
    def scores(self) -> list[float]:
        """Of all hands in all images."""
        return [hand.score for _, hands in self.predictions for hand in hands]


@dataclass(frozen=True)
class Quality:
    """How well a network sees a set of images; ``None`` where nothing is annotated that could be measured."""

    images: int
    hands: int
    average_precision: float | None
    """Of boxes, over all scores."""
    recall: float | None
    """Of boxes, at the network's own threshold."""
    precision: float | None
    pck: float | None
    """2D joints of found hands within a tenth of the hand's side."""
    joints_found: float | None
    """The same of all annotated hands: the joints of a hand that is not found are wrong."""
    side: float | None
    """Found hands whose side is right."""
    joint_error_mm: float | None
    """Of 3D joints of found hands, Procrustes-aligned without reflection; ``None`` also without annotation in 3D."""


ROWS: Final = {
    "average_precision": ("AP of boxes", "area under precision over recall, IoU 0.5"),
    "recall": ("recall", "annotated hands with a box, at the recommended score"),
    "precision": ("precision", "boxes that are hands, at that score"),
    "joints_found": ("joints right", "of all annotated joints, those within 10 % of the hand's size"),
    "pck": ("PCK@.1", "the same, of the hands that are found"),
    "side": ("side right", "of the hands that are found"),
    "joint_error_mm": ("3D error, mm", "of joints of found hands, Procrustes-aligned"),
}


def predict(weights: Path | None, images: Sequence[AnnotatedImage], title: str, backend: Backend = BACKEND) -> Seen:
    """All hands that a network sees, weak ones too; ``None``: the shipped network."""
    pipeline = HandPipeline.load(weights, backend, score_threshold=LOWEST_SCORE)
    predictions, seconds = [], []
    for image in tqdm(images, desc=title, unit=" images", disable=None):
        started = time.monotonic()
        hands = pipeline(image.image, image.camera)
        seconds.append(time.monotonic() - started)
        predictions.append((image, hands))
    return Seen(predictions, statistics.median(seconds) if seconds else 0.0)


def measure(predictions: Predictions, threshold: float) -> Quality:
    """Compare hands with annotations."""
    boxes = evaluate_boxes(predictions, threshold)
    joints = evaluate_images([_with_joints(image, hands, threshold) for image, hands in predictions])
    found = None if boxes.recall is None else round(boxes.recall * boxes.true_hands)
    shown = None if found is None else found + boxes.false_hands
    pck = joints.measures.get("pck@.1")
    return Quality(
        images=boxes.images,
        hands=boxes.true_hands,
        average_precision=boxes.average_precision,
        recall=boxes.recall,
        precision=found / shown if found is not None and shown else None,
        pck=pck,
        joints_found=None if joints.recall is None else joints.recall * (pck or 0.0),
        side=joints.measures.get("handedness_accuracy"),
        joint_error_mm=joints.measures.get("pa_mpjpe_mm"),
    )


def _with_joints(
    image: AnnotatedImage, hands: tuple[Hand, ...], threshold: float
) -> tuple[AnnotatedImage, tuple[Hand, ...]]:
    annotated = tuple(hand for hand in image.hands if hand.has_joints)
    return replace(image, hands=annotated), tuple(hand for hand in hands if hand.score >= threshold)


@dataclass(frozen=True)
class Comparison:
    """The same images seen by two networks."""

    before: Quality
    after: Quality

    @property
    def chance(self) -> float:
        """By how much a fraction of the hands differs between two networks that are equally good."""
        return _CHANGED_BY_CHANCE / math.sqrt(max(1, self.before.hands))

    def __str__(self) -> str:
        """A table of both and the difference."""
        lines = [f"{'':<14}{'before':>8}{'after':>8}"]
        for name, (title, meaning) in ROWS.items():
            values = getattr(self.before, name), getattr(self.after, name)
            if values == (None, None):
                continue
            cells = "".join(f"{'-' if value is None else f'{value:.3f}':>8}" for value in values)
            lines.append(f"{title:<14}{cells}{'' if None in values else f'{values[1] - values[0]:+.3f}':>9}  {meaning}")
        return "\n".join(lines)

    def losses(self, tolerance: float) -> list[str]:
        """What became worse, of boxes and of joints."""
        worse = [name for name in _DECISIVE if self._gain(name) < -tolerance]
        worse += ["joint_error_mm"] * (self._gain("joint_error_mm") > _WORSE_SHAPE_MM)
        return [
            f"{ROWS[name][0]}: {getattr(self.before, name):.3f} before, {getattr(self.after, name):.3f} after"
            for name in worse
        ]

    @property
    def is_better(self) -> bool:
        """Whether boxes or joints became better."""
        return any(self._gain(name) > TOLERANCE for name in _DECISIVE)

    @property
    def is_beyond_chance(self) -> bool:
        """Whether a gain of boxes or joints is larger than chance alone brings."""
        return any(self._gain(name) > self.chance for name in _DECISIVE)

    def _gain(self, name: str) -> float:
        before, after = getattr(self.before, name), getattr(self.after, name)
        return 0.0 if before is None or after is None else float(after - before)


def reasons_against(own: Comparison, guard: Comparison | None) -> list[str]:
    """Why a network should not replace the one that it started from; empty if nothing speaks against it.

    Parameters
    ----------
    own
        Of the user's held-back images.
    guard
        Of rendered images, if there are any.
    """
    reasons = [f"on the held-back images {each}" for each in own.losses(TOLERANCE)]
    if not reasons and not own.is_better:
        reasons = [f"on the held-back images neither boxes nor joints become better by more than {TOLERANCE}"]
    return reasons + [f"on rendered images {each}" for each in (guard.losses(_FORGOTTEN) if guard else ())]
