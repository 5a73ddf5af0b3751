"""Programs that are started in a session of their own, and whether they leave processes behind."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

Program = subprocess.Popen[str]


class Programs:
    """Starts programs."""

    def __init__(self) -> None:
        self.started: list[Program] = []

    def start(self, command: Sequence[str], **options: Any) -> Program:
        """Start one in a session of its own; what it says to stderr can be read.

        It hears of closed terminals, even if the tests run under nohup.
        """
        options.setdefault("preexec_fn", lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
        program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, **options)
        self.started.append(program)
        return program


@contextmanager
def ended_programs() -> Iterator[Programs]:
    """Kill what is left of the programs at the end of the block."""
    programs = Programs()
    try:
        yield programs
    finally:
        for program in programs.started:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            assert program.stderr is not None
            program.stderr.close()


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
