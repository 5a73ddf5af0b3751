"""What somebody meant who mistyped a path."""

from difflib import get_close_matches
from pathlib import Path
from typing import Final

_ALIKE: Final = 0.75
"""Share of their letters that two names have in common."""


def did_you_mean(path: Path) -> str:
    """` (did you mean PATH?)` with the existing path that is named most like a missing one; empty if none is."""
    nearest = _nearest(path)
    return "" if nearest is None else f" (did you mean {nearest}?)"


def _nearest(path: Path) -> Path | None:
    parent = path.parent
    if path == parent:
        return None
    if not parent.exists():
        found = _nearest(parent)
        return None if found is None or not (found / path.name).exists() else found / path.name
    try:
        names = {entry.name.casefold(): entry for entry in parent.iterdir()}
    except OSError:  # it is a file, or may not be read
        return None
    matches = get_close_matches(path.name.casefold(), names, n=1, cutoff=_ALIKE)
    return names[matches[0]] if matches else None
