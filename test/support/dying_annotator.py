"""Workers that are killed in the middle of their work, as by a system without memory."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from handos_model.annotation.recording_annotator import RecordingAnnotator
from handos_model.annotation.task import Outcome, Task


@dataclass(frozen=True)
class DyingAnnotator:
    """Does what `RecordingAnnotator` does, but dies of some recordings."""

    annotator: RecordingAnnotator
    deaths: Path
    """File that counts them."""
    deadly: str
    """Name of the recording."""
    count: int
    """How often a worker dies of it."""

    def perform(self, task: Task) -> Outcome:
        """As `RecordingAnnotator`."""
        if task.recording.path.name == self.deadly:
            so_far = self.deaths.stat().st_size if self.deaths.exists() else 0
            if so_far < self.count:
                with self.deaths.open("ab") as file:
                    file.write(b"+")
                os.kill(os.getpid(), signal.SIGKILL)
        return self.annotator.perform(task)
