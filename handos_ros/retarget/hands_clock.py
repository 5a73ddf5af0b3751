"""`HandsClock`: when the images of HandArrays were taken, and which of them are too old or nothing new."""

from dataclasses import dataclass
from typing import Final

from handos_ros.clocks.image_clock import ImageClock, StampProblem
from handos_ros.clocks.stamps import nanoseconds
from handos_ros.msg import HandArray

CLOCKS_DIFFER: Final = 60.0
"""Seconds by which hands must seem to be old, or to come from the future, for the machines' clocks to be blamed."""


@dataclass(frozen=True)
class HandsTime:
    """What the stamps of a HandArray say."""

    taken: float
    """Seconds, when the image was taken as far as that is known; never goes back."""
    refusal: str = ""
    """Why these hands must not be followed; empty: they may be."""
    warning: str = ""
    """What could not be checked, with the remedy; empty: nothing."""


class HandsClock:
    """Reads the stamps of the HandArrays of one camera in the order of their arrival.

    Messages may be delayed and arrive in bursts. Therefore an image's own stamp counts where it is credible, else the
    time at which it reached the node handos, and only without that the time at which its hands arrive.
    """

    def __init__(self) -> None:
        self._received, self._taken = ImageClock(), ImageClock()
        self._last = 0.0

    def read(self, message: HandArray, arrived: float, now: int, max_latency: float) -> HandsTime:
        """Time of the next hands.

        Parameters
        ----------
        message
            The hands.
        arrived
            Seconds of a clock that runs steadily.
        now
            The node's clock in nanoseconds.
        max_latency
            Seconds since the image was received above which hands are too old.
        """
        received = self._received.read(nanoseconds(message.received), arrived, now)
        if received is None:
            return self._refused("they came after newer ones")
        taken = self._taken.read(nanoseconds(message.header.stamp), received.seconds, now)
        if taken is None:
            return self._refused("they came after those of newer images")
        self._last = taken.seconds
        if taken.problem is StampProblem.STANDING_STILL:
            return self._refused(f"their stamps {taken.problem.value}")
        if received.problem is StampProblem.STANDING_STILL:
            return self._refused("they are the same as before")
        return self._aged((now - nanoseconds(message.received)) / 1e9, message, max_latency)

    def _aged(self, age: float, message: HandArray, max_latency: float) -> HandsTime:
        if nanoseconds(message.received) == 0:
            return HandsTime(self._last, warning="max_latency is not checked: the field `received` of the hands is 0")
        if abs(age) > CLOCKS_DIFFER:
            warning = f"max_latency is not checked: this node's clock differs by {age:.0f} s from that of the hands"
            return HandsTime(self._last, warning=f"{warning}; synchronise them")
        if age > max_latency:
            return self._refused(f"their image was received {age:.2f} s ago and max_latency is {max_latency:g}")
        return HandsTime(self._last)

    def _refused(self, refusal: str) -> HandsTime:
        return HandsTime(self._last, refusal=refusal)
