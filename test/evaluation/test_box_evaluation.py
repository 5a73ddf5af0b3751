"""Boxes of photographs, some of them without all of their hands: what counts as found, false, or nothing."""

import numpy as np
import pytest

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.evaluation.box_evaluation import evaluate_boxes
from handos_model.hand.hand import Hand

JOINTS = np.zeros((21, 2), np.float32)
HERE, THERE = np.array([0, 0, 10, 10], np.float32), np.array([40, 40, 50, 50], np.float32)


def image_with(*boxes: np.ndarray, complete: bool = True) -> AnnotatedImage:
    hands = tuple(AnnotatedHand(box, JOINTS, "right") for box in boxes)
    return AnnotatedImage(np.zeros((64, 64, 3), np.uint8), hands, is_complete=complete)


def hand(box: np.ndarray, score: float) -> Hand:
    return Hand(score, box, "right", 1.0, JOINTS, np.ones(21, np.float32))


def test_a_found_and_a_false_hand_are_counted() -> None:
    result = evaluate_boxes([(image_with(HERE, HERE + 20), (hand(HERE, 0.9), hand(THERE, 0.8)))], 0.5)
    assert (result.images, result.true_hands, result.recall, result.false_hands) == (1, 2, 0.5, 1)
    assert result.average_precision == pytest.approx(0.5)
    assert result.recall_at_precision == pytest.approx(0.5)


def test_weak_hands_count_for_the_curve_only() -> None:
    result = evaluate_boxes([(image_with(HERE), (hand(THERE, 0.3), hand(HERE, 0.2)))], 0.5)
    assert (result.recall, result.false_hands) == (0, 0)
    assert result.average_precision == pytest.approx(0.5)
    assert result.recall_at_precision == 0


def test_hands_that_nobody_annotated_are_not_false() -> None:
    hands = (hand(THERE, 0.95), hand(HERE, 0.9))
    result = evaluate_boxes([(image_with(HERE, complete=False), hands)], 0.5)
    assert (result.recall, result.false_hands, result.average_precision) == (1, 0, 1)


def test_without_hands_there_is_no_recall() -> None:
    result = evaluate_boxes([(image_with(), (hand(HERE, 0.9),))], 0.5)
    assert (result.recall, result.average_precision, result.false_hands) == (None, None, 1)
    assert evaluate_boxes([], 0.5).images == 0
