"""`hands.run.json`: how the results beside it were made, so that they can be continued or replaced."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from handos_model.files.atomic_write import atomic_write
from handos_model.recordings.source import SourceKind


@dataclass
class RunRecord:
    """Settings and state of a run."""

    settings: Mapping[str, Any]
    """What the results depend on, by option."""
    sources: dict[str, SourceKind]
    """Names of the sources that could be opened."""
    finished: list[str] = field(default_factory=list)
    """Names of those that were read to their end, without a failure."""
    failures: list[str] = field(default_factory=list)
    """What could not be read, and why."""

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "RunRecord":
        """Read a record that `write` wrote.

        Raises
        ------
        ValueError
            If the file is missing or something else.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(dict(values["settings"]), dict(values["sources"]), list(values["finished"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{path} does not tell how the results beside it were made ({error}): name another folder"
            ) from error

    def require_same_settings(self, now: Mapping[str, Any], folder: Path) -> None:
        """Raise ValueError if results made with the settings `now` would differ from those in `folder`."""
        for option in {**self.settings, **now}:
            before, after = self.settings.get(option), now.get(option)
            if before != after:
                raise ValueError(
                    f"the results in {folder} were made with another {option} ({_shown(before)}, now {_shown(after)}): "
                    "continue them with the same options, or name another folder"
                )


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
