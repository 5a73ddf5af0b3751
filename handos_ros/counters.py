"""What the node counts about its own work."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

MAX_LATENCIES: Final = 300
"""Images over which percentiles are taken: ten seconds at 30 Hz."""


@dataclass
class CameraCounters:
    """Counts of one camera since activation. Subscriptions write the first part, the worker the second, diagnostics the
    third."""

    received: int = 0
    lost: int = 0
    """Images that did not reach the node, as the middleware reports."""
    replaced: int = 0
    """Images that were replaced by a newer one before the worker took them."""
    last_image: float | None = None
    """`time.monotonic` of the newest image."""

    too_old: int = 0
    """Images dropped because of parameter max_age."""
    published: int = 0
    hands: int = 0
    """Hands in the newest image, including coasting ones."""
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_LATENCIES))
    """Milliseconds from receiving an image to publishing its hands."""

    slow_since: float | None = None
    """`time.monotonic` when the latency went over its limit."""

    @property
    def dropped(self) -> int:
        """Images that reached the node and were skipped."""
        return self.replaced + self.too_old

    def latency(self, percentile: float) -> float | None:
        """Milliseconds; ``None`` before the first image."""
        values = list(self.latencies)  # the worker may append meanwhile
        return float(np.percentile(values, percentile)) if values else None

    def seconds_over(self, latency_limit: float, now: float) -> float:
        """For how long the 95th percentile of the latency has been over a limit in milliseconds; 0: it is not."""
        if (self.latency(95) or 0.0) <= latency_limit:
            self.slow_since = None
            return 0.0
        if self.slow_since is None:
            self.slow_since = now
        return now - self.slow_since


@dataclass
class ErrorCounters:
    """Errors since the node started."""

    count: int = 0
    last: str = ""
    when: float | None = None
    """`time.monotonic` of the last one."""

    def add(self, error: str) -> None:
        """Count an error."""
        self.count, self.last, self.when = self.count + 1, error, time.monotonic()
