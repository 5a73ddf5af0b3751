"""Labels of an image by the network itself: hands that several looks agree on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.datasets.annotations import box_around_joints
from handos_model.datasets.coco_hands import HandLabel
from handos_model.evaluation.matching import MIN_IOU, pairwise_iou
from handos_model.finetuning.looks import Look
from handos_model.hand.hand import Hand, Handedness

SURE_SCORE: Final = 0.7
"""A label needs one look that is as sure as this."""
DOUBTFUL_SCORE: Final = 0.3
"""A hand that a look is as sure of, without agreement, is neither a label nor background."""
_FEWEST_LOOKS: Final = 4
_SEEN: Final = 0.6
"""Fraction of the looks that contain a hand which must see it."""
_SAME_SIDE: Final = 0.75
"""Fraction of these looks which must agree on its side."""
_JOINT_SPREAD: Final = 0.06
"""Largest distance of a joint from the median of all looks, mean over the joints of the median over the looks, in
sides of the box."""


@dataclass(frozen=True)
class AgreedHands:
    """The hands of an image that looks agree on."""

    hands: tuple[HandLabel, ...]
    is_complete: bool
    """Whether no look showed another hand."""


def agree(looks: Sequence[Look], width: int, height: int) -> AgreedHands:
    """Group the hands of all looks, and keep those groups in which the looks agree.

    A hand is labelled if enough looks see it, among them one of a mirror image and one that is sure. Side and joints
    are labelled if the looks agree on them, too.
    """
    labels, is_complete = [], True
    for group in _groups(looks):
        if not _is_certain(group, looks):
            is_complete = is_complete and max(hand.score for _, hand in group) < DOUBTFUL_SCORE
            continue
        labels.append(_label([hand for _, hand in group], width, height))
    return AgreedHands(tuple(labels), is_complete)


_Group = list[tuple[Look, Hand]]


def _groups(looks: Sequence[Look]) -> list[_Group]:
    """Hands of different looks whose boxes overlap, around the best of each."""
    remaining = sorted(((look, hand) for look in looks for hand in look.hands), key=lambda each: -each[1].score)
    groups = []
    while remaining:
        overlaps = pairwise_iou([remaining[0][1].box], [hand.box for _, hand in remaining])[0]
        near = [each for each, overlap in zip(remaining, overlaps, strict=True) if overlap >= MIN_IOU]
        best_of_look = {id(look): (look, hand) for look, hand in reversed(near)}
        groups.append(list(best_of_look.values()))
        remaining = [each for each, overlap in zip(remaining, overlaps, strict=True) if overlap < MIN_IOU]
    return groups


def _is_certain(group: _Group, looks: Sequence[Look]) -> bool:
    best = max((hand for _, hand in group), key=lambda hand: hand.score)
    could_see = sum(look.contains(best.box) for look in looks)
    return (
        best.score >= SURE_SCORE
        and len(group) >= max(_FEWEST_LOOKS, _SEEN * could_see)
        and len({look.mirrored for look, _ in group}) == 2
    )


def _label(hands: Sequence[Hand], width: int, height: int) -> HandLabel:
    boxes, joints = (np.stack([getattr(hand, name) for hand in hands]) for name in ("box", "joints_2d"))
    box = np.median(boxes, axis=0).astype(np.float32)
    middle = np.median(joints, axis=0).astype(np.float32)
    spread = np.median(np.linalg.norm(joints - middle, axis=-1), axis=0).mean() / float((box[2:] - box[:2]).max())
    right = float(np.mean([hand.handedness == "right" for hand in hands]))
    if spread > _JOINT_SPREAD or max(right, 1 - right) < _SAME_SIDE:
        return HandLabel(box)
    side: Handedness = "right" if right > 0.5 else "left"
    return HandLabel(box_around_joints(middle, width, height), middle, side)
