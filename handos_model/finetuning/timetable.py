"""How the time that a user gives is shared out among the steps of a run, which may be interrupted and go on."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from handos_model.files.atomic_write import atomic_write
from handos_model.training.configuration import StageName

_LEAST_TRAINING: Final = 0.3
"""Fraction of the time for training, whatever the other steps take."""
_DETECTOR_SHARE: Final = 0.5
"""Of the time for training."""
_START_SECONDS: Final = 20.0
"""To start the processes of a stage, as long as none has been measured."""
_START: Final = "start"


class Timetable:
    """The seconds that the steps of a run have taken, and the minutes that its stages of training get.

    A stage's minutes are decided when it begins, and kept: a run that goes on has the same schedule.

    Parameters
    ----------
    file
        Keeps both.
    minutes
        For everything.

    Raises
    ------
    ValueError
        If the file is damaged.
    """

    def __init__(self, file: Path, minutes: float) -> None:
        self._file, self._given = file, 60 * minutes
        self._seconds: dict[str, float] = {}
        self._minutes: dict[str, float] = {}
        if file.is_file():
            self._read()

    @contextmanager
    def preparing(self, step: str) -> Iterator[None]:
        """Measure a step before training; the time of one that is interrupted counts, too."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[step] = self._seconds.get(step, 0.0) + time.monotonic() - started
            self._write()

    def note_start(self, seconds: float) -> None:
        """How long a stage took beside its training, of which the next one then will take as much."""
        self._seconds[_START] = seconds
        self._write()

    def stage_minutes(self, stage: StageName, trained: float, closing: float) -> float:
        """The time for a stage, decided when it is asked for first.

        Parameters
        ----------
        stage
            The detector comes first.
        trained
            Seconds that the stage before it was trained.
        closing
            Seconds that all that follows training will take.
        """
        if stage not in self._minutes:
            left = self._given - self._prepared() - self.starting() - trained - closing
            share, least = (_DETECTOR_SHARE if stage == "detector" else 1.0), _LEAST_TRAINING * _DETECTOR_SHARE
            self._minutes[stage] = max(share * left, least * self._given) / 60
            self._write()
        return self._minutes[stage]

    def overrun(self, closing: float) -> float:
        """Seconds by which everything will take longer than the user wants, if its stages of training take all theirs.

        Parameters
        ----------
        closing
            As for `stage_minutes`, of which the detector's must have been decided.
        """
        training = 60 * (self._minutes["detector"] + self._minutes.get("decoder", self._minutes["detector"]))
        return self._prepared() + self.starting() + training + closing - self._given

    def starting(self, stages: int = 2) -> float:
        """Seconds that it takes to start the processes of stages."""
        return stages * self._seconds.get(_START, _START_SECONDS)

    def _prepared(self) -> float:
        return sum(seconds for step, seconds in self._seconds.items() if step != _START)

    def _write(self) -> None:
        with atomic_write(self._file) as temporary:
            temporary.write_text(json.dumps({"seconds": self._seconds, "minutes": self._minutes}), encoding="utf-8")

    def _read(self) -> None:
        try:
            content: dict[str, dict[str, Any]] = json.loads(self._file.read_text(encoding="utf-8"))
            self._seconds, self._minutes = (
                {name: float(value) for name, value in content[part].items()} for part in ("seconds", "minutes")
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{self._file} is damaged ({error}): name another folder with --state") from error
