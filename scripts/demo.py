"""The demo: node, player and listener as three processes that talk over DDS, until the video ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from handos_ros.player import open_video, sidecar_of

OUT: Final = Path("out/demo")
REMAPPING: Final = ("--ros-args", "-r", "image:=/camera/image_raw")
ASSUMED_FIELD_OF_VIEW: Final = 60.0
"""Degrees along the longer side of the image: about that of a phone or a webcam."""
LAST_RESULTS: Final = 1.0
"""Seconds for the last results to arrive after the video has ended."""
PATIENCE: Final = 10.0
"""Seconds for a process to end after a signal."""

Process = subprocess.Popen[bytes]


def demo(source: Annotated[str, typer.Argument(metavar="SOURCE", help="Video file or number of a camera.")]) -> None:
    """Play SOURCE through the node; results on the terminal and in out/demo/. Exit code 0 if hands were received."""
    _check(source)
    environment = _environment()
    typer.echo(f"handos: playing {source}; other terminals see it with ROS_DOMAIN_ID={environment['ROS_DOMAIN_ID']}")
    with (
        _running("node", [*REMAPPING, *_assumed_camera(source)], environment) as node,
        _running("listener", ["--out", str(OUT), *REMAPPING], environment) as listener,
        _running("player", [source, "--wait-for", "2", *REMAPPING], environment) as player,
    ):
        exit_code = _first_to_end(player, node, listener)
        if exit_code == 0:
            time.sleep(LAST_RESULTS)
            listener.send_signal(signal.SIGINT)
            exit_code = listener.wait()
    raise typer.Exit(exit_code)


def _check(source: str) -> None:
    """Stop with one line if there is nothing to play, before starting three processes."""
    try:
        if not source.isdecimal():  # a camera may be busy when it is opened twice
            open_video(source)
    except (OSError, ValueError) as error:
        sys.exit(f"handos: {error}")


def _environment() -> Mapping[str, str]:
    """Keep the topics on this machine, apart from other robots and demos."""
    return {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
        **os.environ,
    }


def _assumed_camera(source: str) -> Sequence[str]:
    """Arguments that make the node assume a field of view if the video's intrinsics are unknown."""
    sidecar = sidecar_of(source)
    if sidecar.is_file():
        return ()
    typer.echo(
        f"handos: no intrinsics in {sidecar}: assuming a field of view of {ASSUMED_FIELD_OF_VIEW:g} degrees, so "
        "metres are correct up to scale"
    )
    return ("-p", f"field_of_view:={ASSUMED_FIELD_OF_VIEW}")


@contextmanager
def _running(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[Process]:
    """A program of `handos_ros`, ended at the end of the block if it still runs."""
    process = subprocess.Popen([sys.executable, "-m", f"handos_ros.{program}", *arguments], env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()


def _first_to_end(player: Process, *others: Process) -> int:
    """Wait until the player has finished, or one of the others has died: then the demo has failed."""
    while True:
        if any(process.poll() is not None for process in others):
            return 1
        if player.poll() is not None:
            return player.returncode
        time.sleep(0.05)


if __name__ == "__main__":
    typer.run(demo)
