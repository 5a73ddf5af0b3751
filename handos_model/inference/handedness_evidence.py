"""Which side a tracked hand is, decided from all of its images and, for two hands that overlap, for both together.

Sides are sums of log odds: positive for a right hand. The two hands of an overlapping pair are mostly one person's, and
then of different sides. So each tells the other something, as in a model of two coupled binary variables, where a
neighbour of log odds L sends the message -2 atanh(tanh(coupling / 2) tanh(L / 2)).
"""

import math
from typing import Final

from handos_model.hand.hand import Hand, Handedness

MAX_IMAGE_EVIDENCE: Final = 6.0
"""Bound of the log odds of the side from one image: a bent finger can make the network certain of the wrong side."""
MAX_EVIDENCE: Final = 100.0
"""Bound of their sum, reached in half a second of certain images at 30 Hz: the side can still change, but a finger bent
for a second does not outweigh everything before it."""
SWITCH_EVIDENCE: Final = 2.0
"""Log odds of the other side at which a hand switches its side."""
PAIR_EVIDENCE: Final = 2.0
"""Log odds, per image, that two overlapping hands are of different sides: people shake hands, too."""

_SIGNS: Final[dict[Handedness, int]] = {"left": -1, "right": 1}


class HandednessEvidence:
    """Evidence for the side of one hand over time."""

    def __init__(self, hand: Hand) -> None:
        self.side: Handedness = hand.handedness
        self._log_odds = _image_evidence(hand)

    @property
    def _certainty(self) -> float:
        """-1..1: certainly left to certainly right."""
        return math.tanh(self._log_odds / 2)

    @property
    def score(self) -> float:
        """Probability of `side`; 0.5..1."""
        return 1 / (1 + math.exp(-max(0.0, self._log_odds * _SIGNS[self.side])))

    def add_image(self, hand: Hand) -> None:
        """Add the evidence of another image; only an image that shows the other side can switch the side."""
        self._add(_image_evidence(hand))
        if self._log_odds * _SIGNS[self.side] <= -SWITCH_EVIDENCE:
            self.side = hand.handedness

    def add_neighbour(self, neighbour: "HandednessEvidence") -> None:
        """Add what a hand that overlaps this one tells about its side."""
        self._add(-2 * math.atanh(math.tanh(PAIR_EVIDENCE / 2) * neighbour._certainty))

    def contradicts(self, hand: Hand) -> float:
        """How far a hand's side contradicts this evidence, 0..1."""
        return max(0.0, -self._certainty * _SIGNS[hand.handedness] * (2 * hand.handedness_score - 1))

    def _add(self, log_odds: float) -> None:
        self._log_odds = max(-MAX_EVIDENCE, min(self._log_odds + log_odds, MAX_EVIDENCE))


def _image_evidence(hand: Hand) -> float:
    """Log odds of a right hand from one image."""
    probability = min(max(hand.handedness_score, 0.5), 1 - 1e-6)
    return _SIGNS[hand.handedness] * min(math.log(probability / (1 - probability)), MAX_IMAGE_EVIDENCE)
