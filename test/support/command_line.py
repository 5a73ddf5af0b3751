"""The command `handos`, run in this process."""

import sys

import pytest

from handos_model.commands import cli


def handos(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command line as a user does; its exit code."""
    monkeypatch.setattr(sys, "argv", ["handos", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)
