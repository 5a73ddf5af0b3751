"""Notices that the hands seen are not those of the operator whose size is applied.

Only depth can tell: without it, the size that the network estimates says nothing about the person.
"""

import math
from collections.abc import Sequence
from typing import Final

from handos_model.hand_size.depth_evidence import DepthEvidence, SizeFactor

WINDOW: Final = 10.0
"""Seconds over which hands are compared."""
MIN_DURATION: Final = 8.0
"""Seconds from the first measurement to the last, before anything is said."""
MAX_DEVIATION: Final = 0.2
"""Logarithm of seen over stored size up to which they agree: three to four times the error of what is seen."""


class SizeMonitor:
    """Compares what depth images measure with the size that is applied."""

    def __init__(self) -> None:
        self._evidence = DepthEvidence(WINDOW)

    def look_at(self, factors: Sequence[float], seconds: float) -> None:
        """Take in the `size_factors` of an image that was taken at this time."""
        self._evidence.add(factors, seconds)

    def contradiction(self, scale: float) -> SizeFactor | None:
        """What is seen, if it clearly contradicts `scale` and has for long."""
        seen = self._evidence.estimate()
        if seen is None or self._evidence.duration < MIN_DURATION:
            return None
        return seen if abs(math.log(seen.factor / scale)) > MAX_DEVIATION else None
