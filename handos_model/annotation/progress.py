"""A progress bar for all recordings together."""

from typing import Final

from tqdm import tqdm

from handos_model.annotation.recording import Recording
from handos_model.annotation.task import Outcome, Task

_NETWORK: Final = 0.9
"""Part of the work on a cut video that is the network's; the rest is writing it."""


class Progress:
    """Shows how many bytes of the recordings are done, which tells the time that is left best.

    Parameters
    ----------
    recordings
        All that are to be annotated.
    done
        Number of others, which were done before.
    """

    def __init__(self, recordings: list[Recording], done: int) -> None:
        self._bar = tqdm(total=sum(recording.size for recording in recordings), unit="B", unit_scale=True, disable=None)
        self._recordings, self._done, self._failed, self._frames = len(recordings) + done, done, 0, 0
        self._shown: dict[Recording, int] = {}
        self._show(0)

    def stretch(self, task: Task, frames: int) -> None:
        """Part of a recording of `frames` frames is done."""
        if task.stretch is not None:
            self._frames += task.stretch.count
            self._advance(task.recording, int(_NETWORK * task.recording.size * task.stretch.count / frames))

    def recording(self, outcome: Outcome) -> None:
        """A recording is done or given up."""
        recording, report = outcome.task.recording, outcome.report
        self._done += report is not None
        self._failed += report is None
        if report is not None and recording not in self._shown:
            self._frames += report.frames
        self._advance(recording, recording.size - self._shown.get(recording, 0))

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def _advance(self, recording: Recording, size: int) -> None:
        self._shown[recording] = self._shown.get(recording, 0) + size
        self._show(size)

    def _show(self, size: int) -> None:
        rate = self._frames / max(self._bar.format_dict["elapsed"], 1e-3)
        failed = f", {self._failed} failed" if self._failed else ""
        self._bar.update(size)
        self._bar.set_description(f"{self._done} of {self._recordings} recordings{failed}, {rate:.0f} frames/s")
