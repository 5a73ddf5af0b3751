"""`RecordingReport`: a row of the table that says what became of each recording."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from handos_model.files.atomic_write import atomic_write

Status = Literal["complete", "incomplete", "failed", "waiting"]
"""incomplete: what is readable is annotated, the errors say what is not. waiting: not yet tried."""


@dataclass(frozen=True)
class RecordingReport:
    """What became of a recording."""

    source: str
    """Its path."""
    status: Status
    folder: str | None = None
    """Of the results, relative to the data set; ``None``: there are none."""
    size: int = 0
    """Bytes of the recording when it was annotated."""
    frames: int = 0
    frames_with_hands: int = 0
    hands: int = 0
    """Summed over the frames."""
    seconds: float = 0.0
    """Time of all workers on it, in the run that finished it."""
    attempts: int = 0
    """In that run."""
    errors: tuple[str, ...] = ()
    """What could not be read, and why earlier attempts failed."""

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "RecordingReport | None":
        """Read what `write` wrote; ``None`` if the file is missing or something else."""
        try:
            return cls._parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def _parse(cls, text: str) -> "RecordingReport":
        values = json.loads(text)
        return cls(**{**values, "errors": tuple(values["errors"])})


def read_table(path: Path) -> list[RecordingReport]:
    """Read what `write_table` wrote; nothing if it does not exist.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if not path.exists():
        return []
    try:
        return [RecordingReport._parse(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the table of a data set ({error}): delete it, it is written anew") from error


def write_table(path: Path, reports: Iterable[RecordingReport]) -> None:
    """Write a line of JSON for each recording."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for report in reports:
            file.write(json.dumps(asdict(report)) + "\n")
