"""`Finding`: one line of `handos doctor`'s report."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "FAIL", "-"]
"""Works; works in part; the network cannot run; is not there, and need not be."""


@dataclass(frozen=True)
class Finding:
    """What was found about one subject."""

    subject: str
    state: str
    verdict: Verdict = "ok"
    remedy: str = ""
    """What to type; needed with "warn" and "FAIL"."""

    def __post_init__(self) -> None:
        assert self.remedy or self.verdict in ("ok", "-"), f"{self.subject}: what is wrong needs a remedy"

    def __str__(self) -> str:
        """One line, and another one for the remedy."""
        line = f"{self.verdict:4} {self.subject}: {self.state}"
        return f"{line}\n     -> {self.remedy}" if self.remedy else line
