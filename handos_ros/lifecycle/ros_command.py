"""Programs that take `--ros-args ...`, beside options of their own; a user's mistake ends them in one line."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Optional, TypeAlias

import rclpy
from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.logging import get_logger_level, set_logger_level
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from handos_ros.lifecycle.spinning import StopRequest, ignore_signals

OptionalPath: TypeAlias = Optional[Path]  # noqa: UP045
"""For options: the typer of Ubuntu 24.04 does not understand `Path | None`."""

_RCL: Final = "rcl"
"""The logger of ROS's own library."""
_SOURCE: Final = re.compile(r"^[Ff]ailed to (initialize rcl|parse ROS arguments): |,? at \S+:\d+")
"""Which function failed, and the places in ROS's source."""


@contextmanager
def started_ros(name: str) -> Iterator[StopRequest]:
    """ROS, started with the program's arguments, until the end of the block.

    Yields the request to end that SIGINT or SIGTERM makes. Arguments that ROS cannot read end the program in one line
    and exit code 1. Call it once, in the main thread.

    Parameters
    ----------
    name
        Of the program, for its messages.
    """
    stop = StopRequest.on_signals()
    with _readable_arguments(name):
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield stop
    finally:
        rclpy.try_shutdown()
        ignore_signals()


def run_as_ros_command(command: Callable[..., None], name: str) -> None:
    """Run `command` on the program's arguments; a user's mistake ends in one line and exit code 1.

    Parameters
    ----------
    command
        Function with typer annotations.
    name
        Of the program, for its messages.
    """
    import typer  # here, because nodes start sooner without it

    app = typer.Typer(add_completion=False)
    app.command(name)(command)
    with _readable_arguments(name):
        arguments = remove_ros_args(sys.argv)[1:]
    try:
        app(args=arguments, prog_name=name)
    except (OSError, ValueError) as error:
        sys.exit(f"{name}: {error}")


@contextmanager
def _readable_arguments(name: str) -> Iterator[None]:
    """Arguments that ROS cannot read in this block end the program in one line and exit code 1."""
    set_logger_level(_RCL, LoggingSeverity.FATAL)  # it would say the same in lines of its own
    try:
        yield
    except RuntimeError as error:  # rclpy's own classes are private
        reason = " ".join(_SOURCE.sub("", str(error)).split())
        sys.exit(f"{name}: ROS does not start with these arguments and this environment: {reason}")
    if get_logger_level(_RCL) == LoggingSeverity.FATAL:  # --log-level rcl:=... may have set another meanwhile
        set_logger_level(_RCL, LoggingSeverity.UNSET)
