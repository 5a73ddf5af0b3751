"""Scales hands to their true size, and their distance with it.

One factor for joints, mesh and position, about the camera's centre: every point stays on its line of sight, so hands
keep projecting onto the same pixels through any lens. The factor is the same for all images of an operator. The size
that the network gives a hand changes with pose and view, but not with the person: scaling each image's hand to the
operator's size instead would turn these changes into jitter of the distance.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from handos_model.hand.hand import Hand, MetricHand


def scale_hands(hands: Sequence[Hand], scale: float) -> tuple[Hand, ...]:
    """Scale hands of the pipeline about the camera's centre; those without metres are returned unchanged."""
    return tuple(
        hand if hand.metric is None else replace(hand, metric=_scale_metres(hand.metric, np.float32(scale)))
        for hand in hands
    )


def _scale_metres(hand: MetricHand, scale: np.float32) -> MetricHand:
    scaled = hand.transformed(lambda points: points * scale)
    return replace(scaled, joint_sigma=hand.joint_sigma * scale)
