"""What the launch files share: whose arguments they get, the namespace they are in, and how their processes end."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from handos_ros.launching.launch_arguments import check_namespace, refuse_unknown

LOG_LEVELS: Final = ("debug", "info", "warn", "error", "fatal")
_LAUNCHS_OWN: Final = ("launch-prefix", "launch-prefix-filter", "emulate_tty", "ros_namespace")
"""Arguments that launch itself reads."""


def refuse_unknown_arguments(file: Path, words: Sequence[str], arguments: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError for an argument that does not exist, if this file is the one that `ros2 launch` was given.

    Where another file includes it, the arguments are that file's.

    Parameters
    ----------
    file
        The launch file.
    words
        Of the command line.
    arguments
        As NAME:=VALUE.
    known
        Names that exist.
    """
    by_package = ("handos_ros", file.name) in pairwise(words)
    if by_package or any(Path(word).resolve() == file.resolve() for word in words[1:]):
        given = (argument.partition(":=")[0] for argument in arguments)
        refuse_unknown((name for name in given if name not in _LAUNCHS_OWN), known)


def full_namespace(namespace: str, configurations: Mapping[str, str]) -> str:
    """The namespace below those that a file including this one has pushed.

    Raises
    ------
    ValueError
        If it is none.
    """
    full: str = make_namespace_absolute(prefix_namespace(configurations.get("ros_namespace"), namespace))
    check_namespace("namespace", full)
    return full


def log_level_arguments(node: str, level: str) -> list[str]:
    """ROS's arguments that set the log level of one node, given by its full name."""
    return ["--log-level", f"{node[1:].replace('/', '.')}:={level}"]


def ended_with_launch(configurations: Mapping[str, str]) -> str | None:
    """What is put before a command so that it ends with launch, even if launch is killed and cannot end it."""
    if "launch-prefix" in configurations or shutil.which("setpriv") is None:
        return None
    return "setpriv --pdeathsig TERM --"
