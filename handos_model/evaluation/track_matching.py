"""Which published hand of an image shows which true hand."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.datasets.hand_sequences import SequenceHand
from handos_model.evaluation.matching import match_boxes, pairwise_iou
from handos_model.evaluation.track_identity import IdentityFrame
from handos_model.geometry.arrays import FloatArray
from handos_model.hand.hand import Hand

IN_SIGHT: Final = 0.5
"""Visible fraction of a hand from which on a tracker has to publish it."""
LEFT: Final = 0.05
"""Fraction of a hand inside the image below which it has left."""
GONE: Final = 0.05
"""Visible fraction below which nothing of a hand is seen."""
TOLERATED_IOU: Final = 0.2
"""A published hand that overlaps a true one out of sight by this much is not false."""


@dataclass(frozen=True)
class MatchedFrame:
    """The hands of one image; every published hand is in one of `pairs`, `tolerated` and `unmatched`."""

    truth: tuple[SequenceHand, ...]
    """All true hands, in sight or not."""
    published: tuple[Hand, ...]
    pairs: tuple[tuple[SequenceHand, Hand], ...]
    """True hands in sight and the published ones that show them, at IoU 0.5 of the boxes."""
    tolerated: tuple[Hand, ...]
    """Published hands on a true one that is mostly outside the image or hidden; if entirely, only coasting ones."""
    unmatched: tuple[Hand, ...]
    """Published hands that show none."""
    identities: IdentityFrame
    """True hands in sight and all published hands that are not tolerated."""


def match_frame(truth: tuple[SequenceHand, ...], published: tuple[Hand, ...], size: tuple[int, int]) -> MatchedFrame:
    """Match the hands of an image: detected ones first, then coasting ones with the true hands that are left.

    Parameters
    ----------
    truth, published
        The hands.
    size
        Width and height of the image in pixels.
    """
    in_sight = tuple(hand for hand in truth if is_in_sight(hand))
    pairs = dict[int, int]()
    for coasting in (False, True):
        free_hands = [i for i in range(len(in_sight)) if i not in pairs]
        tracks = [j for j, hand in enumerate(published) if hand.coasting == coasting]
        matches = match_boxes(
            [_box(published[j], size) for j in tracks], [in_sight[i].annotation.box for i in free_hands]
        )
        pairs |= {free_hands[i]: tracks[j] for j, i in matches}
    rest = [hand for j, hand in enumerate(published) if j not in pairs.values()]
    out_of_sight = [hand for hand in truth if not is_in_sight(hand) and hand.in_image >= LEFT]
    tolerated = tuple(hand for hand in rest if any(_is_tolerated(hand, true, size) for true in out_of_sight))
    return MatchedFrame(
        truth=truth,
        published=published,
        pairs=tuple((in_sight[i], published[j]) for i, j in pairs.items()),
        tolerated=tolerated,
        unmatched=tuple(hand for hand in rest if not _contains(tolerated, hand)),
        identities=_identities(in_sight, [hand for hand in published if not _contains(tolerated, hand)], size),
    )


def is_in_sight(hand: SequenceHand) -> bool:
    """Whether a tracker has to publish the hand."""
    return hand.visible >= IN_SIGHT


def track_id(hand: Hand) -> int:
    """The id of a published hand."""
    if hand.id is None:
        raise ValueError("a published hand has no id: only hands of a tracker can be evaluated")
    return hand.id


def _is_tolerated(hand: Hand, true: SequenceHand, size: tuple[int, int]) -> bool:
    overlap = float(pairwise_iou(_box(hand, size), true.annotation.box)[0, 0])
    return overlap >= TOLERATED_IOU and (true.visible >= GONE or hand.coasting)


def _identities(hands: tuple[SequenceHand, ...], published: list[Hand], size: tuple[int, int]) -> IdentityFrame:
    overlaps = pairwise_iou([hand.annotation.box for hand in hands], [_box(hand, size) for hand in published])
    return IdentityFrame(tuple(hand.identity for hand in hands), tuple(track_id(hand) for hand in published), overlaps)


def _contains(hands: tuple[Hand, ...], hand: Hand) -> bool:
    return any(hand is other for other in hands)


def _box(hand: Hand, size: tuple[int, int]) -> FloatArray:
    # Not around the joints: a tracker can be right about a hand whose joints the network gets wrong. Like true boxes it
    # ends at the borders of the image, beyond which coasting hands may go.
    limit = np.array([*size, *size], np.float32) - 1
    return np.asarray(hand.box.clip(0, limit), np.float32)
