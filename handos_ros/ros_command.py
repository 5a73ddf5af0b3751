"""Typer commands that are ROS programs too: they take their own options and `--ros-args ...`."""

import sys
from collections.abc import Callable

import rclpy
import typer
from rclpy.executors import ExternalShutdownException
from rclpy.utilities import remove_ros_args


def run_as_ros_command(command: Callable[..., None], name: str) -> None:
    """Run `command` on the program's arguments; a user's mistake ends in one line and exit code 1.

    Parameters
    ----------
    command
        Function with typer annotations.
    name
        Of the program, for its messages.
    """
    app = typer.Typer(add_completion=False)
    app.command(name)(command)
    rclpy.init()
    try:
        app(args=remove_ros_args(sys.argv)[1:], prog_name=name)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (OSError, ValueError) as error:
        sys.exit(f"{name}: {error}")
    finally:
        rclpy.try_shutdown()
