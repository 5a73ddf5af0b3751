"""What the node counts about its own work."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

LATENCIES_KEPT: Final = 300
"""Images that percentiles are taken over: ten seconds at 30 Hz."""


@dataclass
class CameraStatistics:
    """Counts about one camera since activation, written by the worker."""

    published: int = 0
    too_old: int = 0
    """Images dropped because of parameter max_age."""
    hands: int = 0
    """Hands in the newest image, those carried on among them."""
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    """Milliseconds from receiving an image to publishing its hands."""

    def latency(self, percentile: float) -> float | None:
        """Milliseconds; ``None`` before the first image."""
        values = list(self.latencies)  # the worker may append meanwhile
        return float(np.percentile(values, percentile)) if values else None


@dataclass
class ErrorStatistics:
    """Errors since the node started."""

    count: int = 0
    last: str = ""
    when: float | None = None
    """`time.monotonic` of the last one."""

    def add(self, error: str) -> None:
        """Count an error."""
        self.count, self.last, self.when = self.count + 1, error, time.monotonic()
