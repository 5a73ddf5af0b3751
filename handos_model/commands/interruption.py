"""How a long run of a command ends on Ctrl-C, `kill` and a closed terminal: in one line, and with what is done kept."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from handos_model.training.ending_signals import ENDING_SIGNALS


@contextmanager
def interruptible(kept: Callable[[], str]) -> Iterator[None]:
    """Turn a signal that ends the block into one line and exit code 128 + its number.

    Signals that this process ignores, as `nohup` wants it, go on being ignored.

    Parameters
    ----------
    kept
        Says what is kept of the run.
    """
    arrived: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)
        raise KeyboardInterrupt

    handlers = {
        number: signal.signal(number, interrupt)
        for number in ENDING_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    except BaseException as error:
        # What a signal interrupts can fail in its own way, such as the import of a library.
        if not (arrived or isinstance(error, KeyboardInterrupt)):
            raise
        for number in handlers:
            signal.signal(number, signal.SIG_IGN)  # impatience would only spoil the end
        cause = signal.Signals(arrived[0] if arrived else signal.SIGINT)
        name = "" if cause == signal.SIGINT else f" by {cause.name}"
        typer.echo(f"handos: interrupted{name}: {kept()}; to go on, give the same command again", err=True)
        raise typer.Exit(128 + cause) from error
    finally:
        if not arrived:  # otherwise this process is about to end
            for number, handler in handlers.items():
                signal.signal(number, handler)
