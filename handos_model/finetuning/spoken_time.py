"""Times in words, no finer than they are known."""

from typing import Final

_LONGEST_IN_SECONDS: Final = 90


def in_words(seconds: float) -> str:
    """`40 seconds`, `3 minutes`: never a single minute, and never none."""
    if seconds < _LONGEST_IN_SECONDS:
        return f"{max(10, 10 * round(seconds / 10))} seconds"
    return f"{round(seconds / 60)} minutes"
