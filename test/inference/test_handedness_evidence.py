"""Sides of hands over time, alone and in overlapping pairs."""

import math

import pytest
from hands import hand_at

from handos_model.hand.hand import Handedness
from handos_model.inference.handedness_evidence import PAIR_EVIDENCE, HandednessEvidence
from handos_model.inference.tracking import HandTracker, TrackingSettings

FRAME = 1 / 30
RAW = TrackingSettings(smoothing=None)


def sides_after(frames: list[tuple[tuple[Handedness, float], tuple[Handedness, float]]], gap: float) -> list[str]:
    """Sides of two hands `gap` pixels apart, seen with these sides and certainties."""
    tracker = HandTracker()
    for k, seen in enumerate(frames):
        hands = [hand_at(200 + i * gap, side=side, certainty=c) for i, (side, c) in enumerate(seen)]
        tracked = tracker.update(hands, k * FRAME, RAW)
    return [hand.handedness for hand in sorted(tracked, key=lambda hand: hand.id or 0)]


UNSURE = [(("right", 0.99), ("right", 0.6))] * 3 + [(("right", 0.99), ("left", 0.6))] * 2
"""A certain right hand and one whose images contradict each other."""


def test_an_unsure_hand_over_a_certain_one_takes_the_other_side_sooner() -> None:
    assert sides_after(UNSURE, gap=60) == ["right", "left"]
    assert sides_after(UNSURE, gap=400) == ["right", "right"]


def test_two_certain_right_hands_that_shake_both_stay_right() -> None:
    assert sides_after([(("right", 0.99), ("right", 0.98))] * 60, gap=60) == ["right", "right"]


def test_a_side_never_switches_in_an_image_that_does_not_show_it() -> None:
    assert sides_after([(("right", 0.999), ("right", 0.55))] * 30, gap=60) == ["right", "right"]


@pytest.mark.parametrize("neighbour", [0.6, 0.9, 0.999])
def test_a_neighbour_tells_what_a_pair_of_coupled_variables_does(neighbour: float) -> None:
    evidence = HandednessEvidence(hand_at(100, certainty=0.7))
    evidence.add_neighbour(HandednessEvidence(hand_at(100, certainty=neighbour)))
    # Bayes over the four combinations of sides: different sides are exp(PAIR_EVIDENCE) times as probable.
    bias = min(neighbour, 1 / (1 + math.exp(-6)))
    right = 0.7 * (bias + (1 - bias) * math.exp(PAIR_EVIDENCE))
    left = 0.3 * (bias * math.exp(PAIR_EVIDENCE) + (1 - bias))
    expected = right / (right + left)
    assert evidence.score == pytest.approx(max(expected, 0.5), rel=1e-6)
