"""The folder that keeps one YAML file per operator."""

import math
import os
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

from handos_model.files.atomic_write import atomic_write
from handos_model.hand_size.operator_size import OperatorSize, require_operator_name

_HEADER: Final = (
    "# Size of an operator's hands in metres, written by HandOS. palm_length: crease of the wrist to crease at\n"
)
_HEADER_END: Final = "# the base of the middle finger; sigma: its standard deviation.\n"


@dataclass(frozen=True)
class OperatorFolder:
    """Sizes of operators by name."""

    path: Path

    @classmethod
    def at(cls, path: Path | None) -> "OperatorFolder":
        """The folder at `path`; ``None``: handos/operators in the user's data folder ($XDG_DATA_HOME)."""
        if path is not None:
            return cls(path)
        # The specification ignores relative paths.
        home = Path(os.environ.get("XDG_DATA_HOME", ""))
        return cls((home if home.is_absolute() else Path.home() / ".local" / "share") / "handos" / "operators")

    def file_of(self, name: str) -> Path:
        """Path of an operator's file, which need not exist. Raises ValueError if `name` is no name."""
        require_operator_name(name)
        return self.path / f"{name}.yaml"

    def names(self) -> list[str]:
        """The operators with a file."""
        return sorted(path.stem for path in self.path.glob("*.yaml") if not path.name.startswith("."))

    def write(self, size: OperatorSize) -> Path:
        """Write or replace an operator's file and return its path."""
        path = self.file_of(size.name)
        values = asdict(size) | {"palm_length": round(size.palm_length, 5), "sigma": round(size.sigma, 5)}
        with atomic_write(path) as temporary:
            text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
            temporary.write_text(_HEADER + _HEADER_END + text, encoding="utf-8")
        return path

    def read(self, name: str) -> OperatorSize:
        """An operator's size.

        Raises
        ------
        FileNotFoundError
            If there is no file with this name.
        ValueError
            If it is no name, or the file is damaged.
        """
        path = self.file_of(name)
        if not path.is_file():
            known = ", ".join(self.names()) or "nobody"
            raise FileNotFoundError(
                f"the hands of operator {name!r} have not been measured, {path} does not exist (known: {known}): give "
                f"a known name, or measure them with `handos calibrate {name} --palm-length METRES`"
            )
        try:
            size = _parse(yaml.safe_load(path.read_text(encoding="utf-8")))
            if size.name != name:
                raise ValueError(f"name is {size.name!r}, the file's is {name!r}")
        except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"operator file {path} cannot be used ({reason}): correct or delete it, and measure the hands again"
            ) from error
        return size


def _parse(values: Any) -> OperatorSize:
    if not isinstance(values, dict):
        raise ValueError("it holds no names with values")
    names = {entry.name for entry in fields(OperatorSize)}
    if missing := sorted(names - values.keys()):
        raise ValueError(f"{', '.join(missing)} missing")
    if unknown := sorted(map(str, values.keys() - names)):
        raise ValueError(f"unknown entry {', '.join(unknown)}")
    if not isinstance(values["date"], date):
        raise ValueError(f"date is {values['date']!r}, expected a date like 2026-01-31")
    return OperatorSize(
        name=str(values["name"]),
        palm_length=_number(values, "palm_length"),
        sigma=_number(values, "sigma"),
        images=int(_number(values, "images")),
        source=values["source"],
        date=values["date"],
    )


def _number(values: dict[str, Any], name: str) -> float:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}, expected a number")
    return float(value)
