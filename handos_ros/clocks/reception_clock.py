"""`ReceptionClock`: when messages are received, by a clock that never goes back."""

import time

from rclpy.node import Node

from handos_ros.clocks.stamps import simulated_nanoseconds


class ReceptionClock:
    """Seconds of simulated time, once there is any, else of a steady clock, which nobody sets.

    Where simulated time goes back, because a bag starts again, these seconds stand still for a moment: otherwise all
    that happened before would lie in the future.

    Parameters
    ----------
    node
        Knows the simulated time.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._last = self._read()
        self._seconds = 0.0

    def now(self) -> float:
        """Seconds since the clock was made."""
        last, self._last = self._last, self._read()
        self._seconds += max(self._last - last, 0.0)
        return self._seconds

    def _read(self) -> float:
        simulated = simulated_nanoseconds(self._node)
        return simulated / 1e9 if simulated else time.monotonic()
