"""Hypothesis strategies for hands: anywhere in the image, of any shape, with and without metres."""

from dataclasses import replace
from typing import Final

import numpy as np
from hands import CAMERA, hand_at
from hypothesis import strategies as st

from handos_model.hand.hand import Hand, Handedness
from handos_model.inference.plausibility import check_hands

SHAPE: Final = (480, 640, 3)
"""Of the image of all hands."""


@st.composite
def any_hands(draw: st.DrawFn) -> Hand:
    """A plausible hand: a moved, noisy, or degenerate one that passes the node's check."""
    side: Handedness = draw(st.sampled_from(("left", "right")))
    hand = hand_at(draw(st.floats(-300, 900)), draw(st.floats(-200, 600)), side, draw(st.floats(0.5, 1)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise = draw(st.sampled_from([0.0, 1.0, 20.0]))
    pixels = (hand.joints_2d + rng.normal(0, noise, (21, 2))).astype(np.float32)
    hand = replace(
        hand,
        joints_2d=pixels,
        box=np.concatenate([pixels.min(0), pixels.max(0)]),
        joint_scores=rng.random(21).astype(np.float32),
        score=draw(st.floats(0, 1)),
    )
    if draw(st.integers(0, 3)) == 0:
        hand = replace(hand, metric=None)
    elif hand.metric is not None:
        metric = replace(hand.metric, depth_residual=draw(st.none() | st.floats(-1, 1, width=32)))
        moved = metric.joints_3d + rng.normal(0, draw(st.sampled_from([0.0, 0.002])), (21, 3))
        if draw(st.booleans()):  # fingers without length
            moved[[2, 3, 4, 6, 7, 8]] = moved[[1, 1, 1, 5, 5, 5]]
        vertices = metric.vertices if draw(st.booleans()) else np.zeros((0, 3), np.float32)
        hand = replace(hand, metric=replace(metric, joints_3d=moved.astype(np.float32), vertices=vertices))
    checked = check_hands([hand], SHAPE, CAMERA).hands
    return checked[0] if checked else hand_at(320, side=side)


@st.composite
def tracked_hands(draw: st.DrawFn) -> tuple[Hand, ...]:
    """Hands of an image as the tracker returns them: with distinct ids and a state."""
    ids = draw(st.lists(st.integers(1, 2**31 - 1), max_size=4, unique=True))
    hands = []
    for number in ids:
        coasting = draw(st.booleans())
        tentative = not coasting and draw(st.booleans())
        hands.append(replace(draw(any_hands()), id=number, coasting=coasting, tentative=tentative))
    return tuple(hands)
