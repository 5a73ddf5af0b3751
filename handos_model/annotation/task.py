"""What workers are asked to do, and what they answer: paths and numbers only, never images or hands."""

from dataclasses import dataclass

from handos_model.annotation.recording import Recording
from handos_model.annotation.recording_report import RecordingReport


@dataclass(frozen=True)
class Stretch:
    """Some successive frames of a video."""

    start: int
    """Number of the first."""
    count: int


@dataclass(frozen=True)
class Task:
    """A recording to be annotated, or a stretch of it that the network is to be run on."""

    recording: Recording
    stretch: Stretch | None = None
    """``None``: the whole recording."""
    may_be_cut: bool = True
    """Whether the answer may be that the recording is too long for one task."""
    errors: tuple[str, ...] = ()
    """Why earlier attempts at this recording failed."""
    seconds: float = 0.0
    """Time of all workers on it so far."""


@dataclass(frozen=True)
class Outcome:
    """What became of a task; of `report`, `cut` and `error` at most one is set. Otherwise a stretch is done."""

    task: Task
    seconds: float = 0.0
    report: RecordingReport | None = None
    """The recording is done."""
    cut: tuple[Stretch, ...] = ()
    """The recording is too long for one task; these are to be done first."""
    error: str | None = None
    """It failed."""
    stops_all: bool = False
    """Whether every other task would fail, too."""
    may_retry: bool = False
    """Whether another attempt may succeed."""
