"""Evaluation of boxes alone, on photographs in which some hands may not be annotated."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.datasets.annotations import AnnotatedImage
from handos_model.evaluation.matching import match_boxes
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Hand

PRECISION: Final = 0.9
"""At which recall is compared."""


@dataclass(frozen=True)
class BoxEvaluation:
    """How well predicted boxes agree with annotated ones; ``None`` without annotated hands."""

    images: int
    true_hands: int
    average_precision: float | None
    """Area under the curve of precision over recall."""
    recall: float | None
    """At the threshold given."""
    false_hands: int
    """In completely annotated images, at that threshold."""
    recall_at_precision: float | None
    """Highest recall of a threshold at which `PRECISION` is reached."""


def evaluate_boxes(
    predictions: Iterable[tuple[AnnotatedImage, tuple[Hand, ...]]], score_threshold: float
) -> BoxEvaluation:
    """Compare boxes, those of weak hands too.

    A prediction without an annotated hand is false in an image with every hand annotated, and ignored in others.

    Parameters
    ----------
    predictions
        Images and all hands predicted for them, with scores from near 0 on.
    score_threshold
        For `BoxEvaluation.recall` and `BoxEvaluation.false_hands`.
    """
    images, true_hands = 0, 0
    scores, correct = [], []
    for image, hands in predictions:
        images, true_hands = images + 1, true_hands + len(image.hands)
        matched = {k for k, _ in match_boxes([hand.box for hand in hands], [hand.box for hand in image.hands])}
        for number, hand in enumerate(hands):
            if number in matched or image.is_complete:
                scores.append(hand.score)
                correct.append(number in matched)
    order = np.argsort(-np.array(scores), kind="stable")
    is_correct, is_sure = np.array(correct, bool)[order], np.array(scores)[order] >= score_threshold
    recall, precision = _curve(is_correct, true_hands)
    return BoxEvaluation(
        images=images,
        true_hands=true_hands,
        average_precision=_area(recall, precision) if true_hands else None,
        recall=float((is_correct & is_sure).sum() / true_hands) if true_hands else None,
        false_hands=int((~is_correct & is_sure).sum()),
        recall_at_precision=float(recall[precision >= PRECISION].max(initial=0)) if true_hands else None,
    )


def _curve(
    is_correct: np.ndarray[tuple[int], np.dtype[np.bool_]], true_hands: int
) -> tuple[Float64Array, Float64Array]:
    """Recall and precision after each prediction, best first."""
    found = np.cumsum(is_correct)
    return found / max(true_hands, 1), found / np.arange(1, len(is_correct) + 1)


def _area(recall: Float64Array, precision: Float64Array) -> float:
    # The best precision at this recall or any higher one.
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * best).sum())
