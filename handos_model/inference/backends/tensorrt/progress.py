"""Logs the progress of TensorRT's builder."""

import logging
import threading
import time
from typing import Any

_LOGGER = logging.getLogger(__name__)


class BuildProgress:
    """Logs the steps of a build's outermost phase. TensorRT calls it from several threads.

    `create_progress_monitor` makes one, because each library has a base class of its own.

    Parameters
    ----------
    interval
        Minimum seconds between two log lines.
    """

    def __init__(self, interval: float) -> None:
        super().__init__()
        self._interval = interval
        self._last_logged = time.monotonic()
        self._steps: dict[str, int] = {}
        self._lock = threading.Lock()

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """Called by TensorRT."""
        if not parent_phase:
            with self._lock:
                self._steps[phase_name] = num_steps

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Called by TensorRT; returning False would cancel the build."""
        with self._lock:
            steps = self._steps.get(phase_name)
            if steps and time.monotonic() - self._last_logged >= self._interval:
                self._last_logged = time.monotonic()
                _LOGGER.info("building the TensorRT engine: %s, step %d of %d", phase_name, step + 1, steps)
        return True

    def phase_finish(self, phase_name: str) -> None:
        """Called by TensorRT."""
        with self._lock:
            self._steps.pop(phase_name, None)


def create_progress_monitor(trt: Any, interval: float) -> BuildProgress:
    """A monitor that the builder of a TensorRT module accepts."""
    return type("Monitor", (BuildProgress, trt.IProgressMonitor), {})(interval)
