"""Stamps of a bag's images, which always increase."""

import logging
import math

_LOGGER = logging.getLogger(__name__)


class BagStamps:
    """The stamps of the headers, or after the first that is not set or does not increase, the times of recording.

    Parameters
    ----------
    name
        Of the source, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = -math.inf
        self._last_received = 0
        self._counting = False

    def next(self, stamp: int, received: int) -> float:
        """Stamp of the next image in seconds.

        Parameters
        ----------
        stamp
            Of its header, nanoseconds.
        received
            When the recorder received it, nanoseconds.
        """
        if not self._counting and (stamp <= 0 or not self._last < stamp / 1e9):
            self._counting = True
            _LOGGER.warning(
                "%s: the stamp of an image is not set or does not increase (%.6f s): from there on the times of "
                "recording are used",
                self._name,
                stamp / 1e9,
            )
        if not self._counting:
            self._last = stamp / 1e9
        elif self._last == -math.inf:
            self._last = received / 1e9
        else:
            step = (received - self._last_received) / 1e9
            self._last = max(self._last + step, math.nextafter(self._last, math.inf))
        self._last_received = received
        return self._last
