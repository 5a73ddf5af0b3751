"""The wrists that all nodes broadcast."""

from geometry_msgs.msg import TransformStamped
from node_process import Client
from published_drawings import check_transform
from published_hands import SentImages
from transforms import import_tf2_ros


class BroadcastWrists:
    """Receives what the nodes send to /tf, as a buffer of tf2 does.

    Parameters
    ----------
    client
        Subscribes.
    sent
        Images of all cameras, by the prefix of their frames.
    """

    def __init__(self, client: Client, sent: dict[str, SentImages]) -> None:
        self._received: list[TransformStamped] = []
        self._sent = sent
        self._listener = import_tf2_ros().TransformListener(self, client.node)

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Called by the listener."""
        self._received.append(transform)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Called by the listener."""
        raise AssertionError(f"wrists move: {transform}")

    def check(self) -> None:
        """Check what was received since the last call."""
        for transform in self._received:
            check_transform(transform, self._sent)
        self._received.clear()
