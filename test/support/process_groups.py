"""Whether a program that was started in a session of its own has left processes behind."""

import os
import time

import pytest


def wait_until_gone(group: int) -> None:
    """Wait until no process of a group is left; fail if one goes on."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process outlives the program that started it")
