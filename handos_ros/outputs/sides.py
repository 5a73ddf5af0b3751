"""Which hand of each side is the one that is meant."""

from collections.abc import Sequence
from typing import Final

from handos_model.hand.hand import Hand, Handedness

SIDES: Final[tuple[Handedness, Handedness]] = ("left", "right")


def wrists_by_side(hands: Sequence[Hand]) -> dict[Handedness, list[Hand]]:
    """Hands in metres of each side: those TRACKED first, then TENTATIVE, then COASTING ones, the best of each first.

    Parameters
    ----------
    hands
        Of one image, best score first.
    """
    ranked = sorted((hand for hand in hands if hand.metric is not None), key=_doubt)
    return {side: [hand for hand in ranked if hand.handedness == side] for side in SIDES}


def hand_to_follow(hands: Sequence[Hand], side: Handedness) -> Hand | None:
    """The hand of a side that a robot may follow: the best one, if it was seen in this image and is no newcomer.

    A COASTING hand is a guess, and a TENTATIVE one may be a false detection.
    """
    candidates = wrists_by_side(hands)[side]
    return candidates[0] if candidates and _doubt(candidates[0]) == 0 else None


def _doubt(hand: Hand) -> int:
    return 2 if hand.coasting else int(hand.tentative)
