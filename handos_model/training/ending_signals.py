"""The signals that end a run: held back while what they would leave half done is done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Let signals take effect after the block only; processes that are started in it are born with them blocked.

    Those that this process ignores, as `nohup` wants it, go on being ignored. For the main thread.
    """
    arrived: list[int] = []
    handlers = {
        number: signal.signal(number, lambda received, _frame: arrived.append(received))
        for number in ENDING_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    # Blocking alone is not enough: other threads of this process may receive them.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for first in arrived[:1]:
            signal.raise_signal(first)


def ignore_ending_signals() -> None:
    """Leave it to the process that started this one to end it; for a process that was born with signals blocked."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
