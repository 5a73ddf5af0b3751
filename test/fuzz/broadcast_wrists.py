"""The wrists that all nodes broadcast, which do not tell whose they are."""

from geometry_msgs.msg import TransformStamped
from node_process import RELIABLE, Client
from published_drawings import check_transform
from published_hands import SentImages


class BroadcastWrists:
    """Receives what the stand-in for tf2 publishes.

    Parameters
    ----------
    client
        Subscribes.
    sent
        Images of all cameras, in this order.
    """

    def __init__(self, client: Client, sent: list[SentImages]) -> None:
        self._received: list[TransformStamped] = client.collect(TransformStamped, "/broadcast_transforms", RELIABLE)
        self._sent = sent

    def check(self) -> None:
        """Check what was received since the last call."""
        everything = SentImages()
        for sent in self._sent:
            everything.sizes.update(sent.sizes)
        for transform in self._received:
            check_transform(transform, everything)
        self._received.clear()
