"""What a listener has received: counts, and lines of text."""

from dataclasses import dataclass, field

import numpy as np

from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import WRIST


@dataclass
class ListenerSummary:
    """Counts the HandArrays of a run."""

    images: int = 0
    images_with_hands: int = 0
    dropped: int = 0
    """Images that the node skipped, as it reports."""
    latencies: list[float] = field(default_factory=list)
    """Milliseconds from the image's stamp to the message's arrival."""

    def add(self, hands: tuple[Hand, ...], latency: float, dropped: int) -> None:
        """Count one HandArray."""
        self.images += 1
        self.images_with_hands += bool(hands)
        self.dropped = dropped
        self.latencies.append(latency)

    def text(self) -> str:
        """One line about the whole run."""
        if not self.images:
            return "no HandArray received"
        median, late = np.percentile(self.latencies, [50, 95])
        return (
            f"{self.images} HandArrays, hands in {self.images_with_hands} "
            f"({self.images_with_hands / self.images:.0%}), {self.dropped} images skipped by the node, "
            f"latency {median:.1f} ms median, {late:.1f} ms 95th percentile"
        )


def describe(hands: tuple[Hand, ...], stamp: float, latency: float) -> str:
    """One line about one HandArray.

    Parameters
    ----------
    stamp
        The image's time in seconds.
    latency
        Milliseconds from then to the message's arrival.
    """
    described = "; ".join(_description(hand) for hand in hands) or "no hands"
    return f"{stamp:.3f} s  {latency:6.1f} ms  {described}"


def _description(hand: Hand) -> str:
    if hand.joints_3d is None:
        position = "no metres without intrinsics"
    else:
        x, y, z = hand.joints_3d[WRIST]
        position = f"wrist {x:+.3f} {y:+.3f} {z:+.3f} m"
    return f"#{hand.id} {hand.handedness} {hand.score:.2f} {position}{_state(hand)}"


def _state(hand: Hand) -> str:
    return " (coasting)" if hand.coasting else " (tentative)" if hand.tentative else ""
