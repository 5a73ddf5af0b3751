"""A /clock as of bags and simulators: it runs, is paused, runs faster, and jumps."""

import time
from typing import Final

import numpy as np
from node_process import RELIABLE, Client
from rosgraph_msgs.msg import Clock

START: Final = 1000.0
"""Seconds; 0 would mean that there is no time yet."""
JUMPS: Final = (0.0, 0.0, 0.0, -0.2, -5.0, -900.0, 0.5, 50.0, 1e6)


class SimulatedClock:
    """Publishes time whenever `tick` is called.

    Parameters
    ----------
    client
        Publishes.
    topic
        The clock's topic.
    """

    def __init__(self, client: Client, topic: str) -> None:
        self._publisher = client.node.create_publisher(Clock, topic, RELIABLE)
        self._seconds, self._rate, self._ticked = START, 1.0, time.monotonic()

    def change_habit(self, rng: np.random.Generator) -> None:
        """Jump, perhaps, and run at another rate from now on."""
        self._seconds = min(max(self._seconds + float(rng.choice(JUMPS)), 1.0), 1e9)
        self._rate = float(rng.choice([0.0, 0.5, 1.0, 1.0, 4.0]))

    def behave(self) -> None:
        """Run as real time does."""
        self._rate = 1.0

    def tick(self) -> None:
        """Publish the time."""
        now = time.monotonic()
        self._seconds += self._rate * (now - self._ticked)
        self._ticked = now
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(self.nanoseconds(), 10**9)
        self._publisher.publish(message)

    def nanoseconds(self) -> int:
        """The time that was published last."""
        return round(self._seconds * 1e9)
