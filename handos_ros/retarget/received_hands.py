"""Reads the hands of a HandArray that may move a robot: whoever published it, nothing broken gets past here."""

import numpy as np

from handos_model.hand.hand import Hand as ModelHand
from handos_model.hand.skeleton import JOINT_COUNT
from handos_ros.messages.message_parsing import hands_of
from handos_ros.msg import Hand, HandArray


def whole_hands(message: HandArray) -> tuple[ModelHand, ...]:
    """The hands whose side is known and whose lists have the lengths that Hand.msg says; the others are left out."""
    return hands_of(HandArray(hands=[hand for hand in message.hands if _is_whole(hand)]))


def _is_whole(hand: Hand) -> bool:
    if hand.handedness == Hand.HANDEDNESS_UNKNOWN or len(hand.vertices) % 3:
        return False
    if not len(hand.joints_3d):
        return True
    lengths = len(hand.joints_3d), len(hand.joint_sigma)
    return lengths == (3 * JOINT_COUNT, JOINT_COUNT) and bool(np.isfinite(hand.joint_sigma).all())
