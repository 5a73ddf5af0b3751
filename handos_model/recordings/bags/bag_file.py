"""What every file of a bag offers, whatever its format."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag."""

    name: str
    type: str
    """Such as sensor_msgs/msg/Image."""
    count: int | None
    """Messages that the bag announces; ``None`` where it does not."""


@dataclass(frozen=True)
class BagMessage:
    """A serialized message (CDR)."""

    topic: str
    received: int
    """Nanoseconds of the recorder's clock."""
    data: bytes


class BagFile(Protocol):
    """One file of a bag."""

    def topics(self) -> list[BagTopic]:
        """Topics with messages of ROS 2; of a damaged file those that can be found."""

    def messages(self, topics: Collection[str], damages: list[str]) -> Iterator[BagMessage]:
        """Yield the messages of some topics in the order of the file.

        Parameters
        ----------
        topics
            Names.
        damages
            What cannot be read, and why, is appended to it.
        """


class BagError(ValueError):
    """A bag cannot be opened: why, and what to do."""
