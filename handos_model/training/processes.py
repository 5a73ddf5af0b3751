"""Processes that share the work of a run, and end with the run, however it ends.

Imports no torch: a process has to be tied to the one that started it before it takes seconds to import.
"""

import ctypes
import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from handos_model.training.ending_signals import ignore_ending_signals, signals_held_back

_SPAWN: Final = multiprocessing.get_context("spawn")
_PR_SET_PDEATHSIG: Final = 1
"""Of Linux's prctl: which signal the kernel sends when the parent ends."""


def run_together(work: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> None:
    """Call a function with each of the arguments in a process of its own, and wait for all of them.

    Signals that end a run reach this process only. When it is interrupted, or one of the processes fails, the others
    are killed; when it is killed itself, so are they.

    Parameters
    ----------
    work
        Importable by its name.
    arguments
        Of each process.

    Raises
    ------
    ValueError
        If the work was refused in one of the processes, as a user's mistake; with that message.
    ChildProcessError
        If a process was killed.
    RuntimeError
        If a process failed otherwise; with its traceback.
    """
    started: list[_Started] = []
    resource_tracker.ensure_running()  # which would otherwise be started with the first process, and unblock signals
    try:
        with signals_held_back():
            for given in arguments:
                started.append(_start(work, given))
        _wait_for_all(started)
    finally:
        with signals_held_back():
            for each in started:
                each.process.kill()
            for each in started:
                each.process.join()
                each.outcome.close()


@dataclass(frozen=True)
class _Failure:
    is_mistake: bool
    """Of the user, not of the program."""
    text: str


@dataclass(frozen=True)
class _Started:
    process: SpawnProcess
    outcome: "Connection"
    """Receives ``None`` when the work is done, or a `_Failure`."""


def _start(work: Callable[..., None], arguments: tuple[Any, ...]) -> _Started:
    here, there = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_work, args=(os.getpid(), there, pickle.dumps((work, arguments))))
    process.start()
    there.close()  # so that its end is noticed
    return _Started(process, here)


def _wait_for_all(started: Sequence[_Started]) -> None:
    running = list(started)
    while running:
        ready = wait([each.outcome for each in running])
        for each in [each for each in running if each.outcome in ready]:
            _require_success(each)
            running.remove(each)
    for each in started:
        each.process.join()


def _require_success(ended: _Started) -> None:
    try:
        failure: _Failure | None = ended.outcome.recv()
    except EOFError:
        ended.process.join()
        code = ended.process.exitcode or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise ChildProcessError(
            f"a training process was {how}, perhaps for lack of memory: make room, and the same command goes on"
        ) from None
    if failure is not None:
        raise (ValueError if failure.is_mistake else RuntimeError)(failure.text)


def _work(parent: int, outcome: "Connection", pickled: bytes) -> None:
    """Main function of a process; what it works on is unpickled last, because that imports torch."""
    _die_with(parent)
    ignore_ending_signals()
    try:
        work, arguments = pickle.loads(pickled)
        work(*arguments)
    except (OSError, ValueError, ArithmeticError) as error:
        outcome.send(_Failure(is_mistake=True, text=str(error)))
    except Exception:
        outcome.send(_Failure(is_mistake=False, text=traceback.format_exc()))
    else:
        outcome.send(None)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, even if that is killed; it may have ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
