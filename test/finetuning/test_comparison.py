"""Before and after: what is measured, and which network is kept."""

from dataclasses import replace

import numpy as np
import pytest

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints, hand_without_joints
from handos_model.finetuning.comparison import Comparison, Quality, measure, reasons_against
from handos_model.finetuning.score_threshold import same_strictness
from handos_model.hand.hand import Hand

JOINTS = np.stack([np.linspace(20, 60, 21), np.linspace(20, 60, 21)], axis=-1).astype(np.float32)
BOX = box_around_joints(JOINTS, 200, 100)
IMAGE = np.zeros((100, 200, 3), np.uint8)
GOOD = Quality(100, 120, 0.8, 0.7, 0.9, 0.7, 0.5, 0.9, 12.0)


def seen(score: float, shift: float = 0.0) -> Hand:
    return Hand(score, BOX + shift, "right", 1.0, JOINTS + np.float32(shift), np.ones(21, np.float32))


def image_with(*hands: AnnotatedHand) -> AnnotatedImage:
    return AnnotatedImage(IMAGE, hands)


TRUE = AnnotatedHand(BOX, JOINTS, "right")


def test_boxes_and_joints_are_measured_at_the_threshold() -> None:
    predictions = [(image_with(TRUE), (seen(0.9),)), (image_with(TRUE), (seen(0.2), seen(0.6, 100)))]
    quality = measure(predictions, 0.5)
    assert (quality.images, quality.hands, quality.recall, quality.precision) == (2, 2, 0.5, 0.5)
    assert (quality.pck, quality.joints_found, quality.side) == (1.0, 0.5, 1.0)


def test_hands_with_a_box_only_count_for_boxes() -> None:
    quality = measure([(image_with(hand_without_joints(BOX)), (seen(0.9),))], 0.5)
    assert (quality.recall, quality.average_precision) == (1.0, pytest.approx(1.0))
    assert (quality.pck, quality.joints_found, quality.side) == (None, None, None)


def test_images_without_hands_have_no_recall() -> None:
    quality = measure([(image_with(), (seen(0.9),))], 0.5)
    assert (quality.recall, quality.average_precision, quality.precision) == (None, None, None)


@pytest.mark.parametrize("change", [{"average_precision": 0.85}, {"joints_found": 0.55}])
def test_a_better_network_is_kept(change: dict[str, float]) -> None:
    assert reasons_against(Comparison(GOOD, replace(GOOD, **change)), None) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, "neither"),
        ({"average_precision": 0.78, "joints_found": 0.6}, "AP of boxes: 0.800 before, 0.780 after"),
        ({"average_precision": 0.9, "joints_found": 0.4}, "joints right: 0.500 before, 0.400 after"),
        ({"recall": 0.9}, "neither"),
    ],
)
def test_a_network_that_is_not_better_is_not_kept(change: dict[str, float], named: str) -> None:
    (reason,) = reasons_against(Comparison(GOOD, replace(GOOD, **change)), None)
    assert named in reason
    assert "held-back" in reason


def test_a_network_that_forgets_is_not_kept() -> None:
    own = Comparison(GOOD, replace(GOOD, average_precision=0.9))
    assert reasons_against(own, Comparison(GOOD, replace(GOOD, average_precision=0.79))) == []
    (reason,) = reasons_against(own, Comparison(GOOD, replace(GOOD, joint_error_mm=13.5)))
    assert "3D" in reason
    (reason,) = reasons_against(own, Comparison(GOOD, replace(GOOD, average_precision=0.7)))
    assert "rendered" in reason
    assert "AP of boxes: 0.800 before, 0.700 after" in reason


def test_a_gain_within_chance_is_told_from_a_larger_one() -> None:
    small, large = (replace(GOOD, joints_found=0.5 + gain) for gain in (0.03, 0.05))
    assert Comparison(GOOD, small).chance == pytest.approx(0.4 / 120**0.5)
    assert not Comparison(GOOD, small).is_beyond_chance
    assert Comparison(GOOD, large).is_beyond_chance


def test_the_table_has_a_row_for_each_measure_also_for_those_that_are_missing() -> None:
    lines = str(Comparison(GOOD, replace(GOOD, recall=0.75, side=None))).splitlines()
    (recall,) = (line for line in lines if line.startswith("recall"))
    assert recall.split()[1:4] == ["0.700", "0.750", "+0.050"]
    (side,) = (line for line in lines if line.startswith("side"))
    assert side.split()[2:4] == ["0.900", "-"]


def test_the_threshold_shows_as_many_hands_as_before() -> None:
    assert same_strictness([0.3, 0.9, 0.5], 0.35, [0.1, 0.6, 0.4, 0.2]) == pytest.approx(0.3)


def test_without_images_the_threshold_stays() -> None:
    assert same_strictness([], 0.35, []) == 0.35
    assert same_strictness([0.9], 0.35, [0.9]) == 0.35
