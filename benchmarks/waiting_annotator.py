"""Workers whose network takes time but no processor, like one on a GPU: for scaling where cores are not the limit."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from handos_model.annotation import local_workers, ray_workers
from handos_model.annotation.recording_annotator import RecordingAnnotator
from handos_model.annotation.task import Outcome, Task
from handos_model.commands.cli import main
from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine

WAIT: Final = 0.03
"""Seconds for each image."""


@dataclass(frozen=True)
class WaitingAnnotator:
    """Does what `RecordingAnnotator` does, more slowly."""

    annotator: RecordingAnnotator

    def perform(self, task: Task) -> Outcome:
        """As `RecordingAnnotator`."""
        _slow_down()
        return self.annotator.perform(task)


@lru_cache
def _slow_down() -> None:
    original = OnnxRuntimeEngine.__call__

    def wait(self: OnnxRuntimeEngine, network_input: Any) -> Any:
        time.sleep(WAIT)
        return original(self, network_input)

    OnnxRuntimeEngine.__call__ = wait  # type: ignore[method-assign]


def run() -> None:
    """`handos` with such workers."""
    for kind in (local_workers.LocalWorkers, ray_workers.RayWorkers):
        kind.__init__ = _wrapped(kind.__init__)  # type: ignore[method-assign]
    main()


def _wrapped(original: Any) -> Any:
    return lambda self, annotator, *rest: original(self, WaitingAnnotator(annotator), *rest)
