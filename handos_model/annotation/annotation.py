"""`Annotation`: hands the recordings out to workers until all are done or given up."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from handos_model.annotation.dataset_folder import DatasetFolder
from handos_model.annotation.progress import Progress
from handos_model.annotation.recording import Recording
from handos_model.annotation.recording_report import RecordingReport, write_table
from handos_model.annotation.task import Outcome, Stretch, Task
from handos_model.annotation.workers import Workers

_TABLE_EVERY: Final = 100
"""Recordings after which the table is written anew."""


@dataclass
class _CutRecording:
    """A recording whose stretches are with the workers, or wait for them."""

    frames: int
    waiting: int
    """Number of stretches that are not done."""
    seconds: float = 0.0


@dataclass
class Annotation:
    """A run over recordings, of which some may be done."""

    recordings: Sequence[Recording]
    dataset: DatasetFolder
    retries: int
    """Further attempts at a task that failed for a reason that may pass."""
    stopped: str | None = None
    """Why the run ended before all was tried."""
    _earlier: dict[str, RecordingReport] = field(default_factory=dict)
    _reports: dict[Recording, RecordingReport] = field(default_factory=dict)
    _tasks: deque[Task] = field(default_factory=deque)
    _cut: dict[Recording, _CutRecording] = field(default_factory=dict)
    _errors: dict[Recording, list[str]] = field(default_factory=dict)
    _attempts: Counter[tuple[Recording, Stretch | None]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._earlier = self.dataset.known_reports()
        for recording in self.recordings:
            report = self.dataset.report(recording)
            if report is None:
                self._tasks.append(Task(recording))
            else:
                self._reports[recording] = report

    @property
    def unfinished(self) -> list[Recording]:
        """Recordings without results."""
        return [recording for recording in self.recordings if self._report(recording).folder is None]

    def reports(self) -> list[RecordingReport]:
        """What became of each recording of this run, in their order."""
        return [self._report(recording) for recording in self.recordings]

    def all_reports(self) -> list[RecordingReport]:
        """What became of each recording of the data set, by their paths, with those of earlier runs."""
        known = self._earlier | {report.source: report for report in self.reports()}
        return [known[source] for source in sorted(known)]

    def run(self, workers: Workers) -> None:
        """Go on until every recording is done or given up, or nothing can be done any more (`stopped`)."""
        progress = Progress([task.recording for task in self._tasks], len(self._reports))
        busy, written = 0, len(self._reports)
        try:
            while busy or (self._tasks and self.stopped is None):
                while self._tasks and self.stopped is None and busy < workers.capacity():
                    workers.submit(self._tasks.popleft())
                    busy += 1
                outcome = workers.wait()
                busy -= 1
                self._take(outcome, progress)
                if len(self._reports) >= written + _TABLE_EVERY:
                    written = len(self._reports)
                    self.write_table()
        finally:
            progress.close()

    def read_published(self) -> None:
        """Count what workers had written when they were interrupted, before they could say so."""
        for recording in self.unfinished:
            report = self.dataset.report(recording)
            if report is not None:
                self._reports[recording] = report

    def write_table(self, left_out: dict[str, str] | None = None) -> None:
        """Write what became of each recording; `left_out` says why some are not in the LeRobot data set."""
        reasons = left_out or {}
        write_table(
            self.dataset.table,
            (
                replace(report, errors=(*report.errors, reasons[report.source])) if report.source in reasons else report
                for report in self.all_reports()
            ),
        )

    def _report(self, recording: Recording) -> RecordingReport:
        if recording in self._reports:
            return self._reports[recording]
        errors = tuple(self._errors.get(recording, ()))
        return RecordingReport(str(recording.path), "waiting", size=recording.size, errors=errors)

    def _take(self, outcome: Outcome, progress: Progress) -> None:
        task = outcome.task
        if outcome.error is not None:
            self._take_failure(outcome, outcome.error, progress)
        elif outcome.report is not None:
            self._reports[task.recording] = outcome.report
            progress.recording(outcome)
        elif outcome.cut:
            self._cut_up(task, outcome.cut)
        else:
            progress.stretch(task, self._cut[task.recording].frames)
            self._finish_stretch(outcome)

    def _take_failure(self, outcome: Outcome, error: str, progress: Progress) -> None:
        task = outcome.task
        errors = self._errors.setdefault(task.recording, [])
        errors.append(error)
        attempt = (task.recording, task.stretch)
        self._attempts[attempt] += 1
        if outcome.stops_all:
            self.stopped = error
        if outcome.may_retry and not outcome.stops_all and self._attempts[attempt] <= self.retries:
            self._tasks.appendleft(replace(task, errors=tuple(errors)))
        elif task.stretch is not None:
            self._finish_stretch(outcome)  # what it lacks is computed when the recording is written
        else:
            self._reports[task.recording] = replace(
                self._report(task.recording),
                status="failed",
                seconds=round(task.seconds + outcome.seconds, 3),
                attempts=self._attempts[attempt],
                errors=tuple(errors),
            )
            progress.recording(outcome)

    def _cut_up(self, task: Task, stretches: tuple[Stretch, ...]) -> None:
        self._cut[task.recording] = _CutRecording(sum(stretch.count for stretch in stretches), len(stretches))
        # Before other recordings: what is begun is finished first, so that few answers lie on the disk.
        self._tasks.extendleft(replace(task, stretch=stretch) for stretch in reversed(stretches))

    def _finish_stretch(self, outcome: Outcome) -> None:
        recording = outcome.task.recording
        cut = self._cut[recording]
        cut.waiting -= 1
        cut.seconds += outcome.seconds
        if not cut.waiting:
            errors = tuple(self._errors.get(recording, ()))
            self._tasks.appendleft(Task(recording, may_be_cut=False, errors=errors, seconds=cut.seconds))
