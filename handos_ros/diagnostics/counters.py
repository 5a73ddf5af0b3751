"""What the node counts about its own work."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from handos_ros.clocks.image_clock import StampProblem

MAX_LATENCIES: Final = 300
"""Images over which percentiles are taken: ten seconds at 30 Hz."""


@dataclass
class CameraCounters:
    """Counts of one camera since activation. Subscriptions write the first part, the worker the second, the thread for
    poses `transforms`, diagnostics the last part."""

    received: int = 0
    lost: int = 0
    """Images that did not reach the node, as the middleware reports."""
    replaced: int = 0
    """Images that were replaced by a newer one before the worker took them."""
    last_image: float | None = None
    """`time.monotonic` of the newest image."""

    late: int = 0
    """Images that came after a newer one."""
    stamps: "StampCounters" = field(default_factory=lambda: StampCounters())

    too_old: int = 0
    """Images dropped because of parameter max_age."""
    rejections: "Counter[str]" = field(default_factory=Counter)
    """Hands that were dropped or lost their metres because they could not be true."""
    published: int = 0
    poses_dropped: int = 0
    """Images whose poses and detections gave way to those of a newer one."""
    drawings_dropped: int = 0
    """Images whose overlay and markers gave way to those of a newer one."""
    transforms: "TransformCounters" = field(default_factory=lambda: TransformCounters())
    hands: int = 0
    """Hands in the newest image, including coasting ones."""
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_LATENCIES))
    """Milliseconds from receiving an image to publishing its hands."""

    slow_since: float | None = None
    """`time.monotonic` when the latency went over its limit."""

    @property
    def dropped(self) -> int:
        """Images that reached the node and were skipped."""
        return self.replaced + self.late + self.too_old

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
class StampCounters:
    """Images of one camera whose stamps were not used, by problem."""

    counts: "Counter[StampProblem]" = field(default_factory=Counter)
    newest: StampProblem | None = None
    when: float | None = None
    """`time.monotonic` of the newest one."""

    def add(self, problem: StampProblem) -> bool:
        """Count an image; return True for the first with this problem."""
        self.counts[problem] += 1
        self.newest, self.when = problem, time.monotonic()
        return self.counts[problem] == 1


@dataclass
class TransformCounters:
    """Images whose poses were not published because the transform to the target frame was missing."""

    missing: int = 0
    problem: str = ""
    """Of the newest image; empty: none."""

    def add(self, problem: str) -> None:
        """Count an image."""
        self.missing += bool(problem)
        self.problem = problem

    def forget(self) -> None:
        """Nobody subscribes to poses any more, so nothing is missing."""
        self.problem = ""


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
