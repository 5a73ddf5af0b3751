"""Signals end node, player and listener cleanly, also two at once; a late one ends a program that hangs."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from node_process import Client, RosProcess, ros_process, running_node, wait_until, write_weights

TWO = ((signal.SIGINT, signal.SIGTERM), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT))
CLIP = Path(__file__).parents[3] / "demo" / "clip.mp4"
HANGS = """
import time
from handos_ros.lifecycle.spinning import StopRequest
stop = StopRequest.on_signals()
print("ready", flush=True)
stop.wait(60)
print("asked", flush=True)
time.sleep(60)
"""


def stop_with(process: RosProcess, signals: Sequence[signal.Signals], apart: float) -> int:
    """Send signals, some seconds apart, as long as the program runs, and return its exit code."""
    for number in signals:
        process.process.send_signal(number)
        time.sleep(apart)
    return process.wait()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.mark.parametrize("signals", TWO)
def test_two_signals_at_once_end_the_node_cleanly(
    signals: Sequence[signal.Signals], weights: Path, tmp_path: Path
) -> None:
    with running_node(weights, log=tmp_path / "log.txt") as node:
        assert stop_with(node, signals, apart=0.0) == 0
        assert "Traceback" not in node.log


def test_signals_until_the_node_is_gone_are_one_request(weights: Path, tmp_path: Path) -> None:
    with running_node(weights, log=tmp_path / "log.txt") as node:
        assert stop_with(node, [signal.SIGINT] * 20, apart=0.02) == 0
        assert "Traceback" not in node.log


def test_a_signal_while_the_node_starts_ends_it_cleanly(weights: Path, tmp_path: Path) -> None:
    with ros_process("node", "--ros-args", "-p", f"weights:={weights}", log=tmp_path / "log.txt") as node:
        node.wait_for_log("loading")
        assert stop_with(node, TWO[0], apart=0.0) == 0
        assert "Traceback" not in node.log


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


@pytest.mark.parametrize("signals", TWO)
def test_two_signals_at_once_end_the_listener_with_its_summary(
    signals: Sequence[signal.Signals], tmp_path: Path, client: Client
) -> None:
    with ros_process("listener", log=tmp_path / "log.txt") as listener:
        client.until(lambda: client.node.count_subscribers("/handos/hands"))
        assert stop_with(listener, signals, apart=0.0) == 1  # it has received no hands
        assert listener.log == "no HandArray received\n"


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "playing"])
@pytest.mark.parametrize("signals", TWO)
def test_two_signals_at_once_end_the_player(
    signals: Sequence[signal.Signals], waits: bool, tmp_path: Path, client: Client
) -> None:
    arguments = (CLIP, "--wait-for", 1) if waits else (CLIP,)
    with ros_process("player", *arguments, log=tmp_path / "log.txt") as player:
        client.until(lambda: client.node.count_publishers("/image"))
        assert stop_with(player, signals, apart=0.0) == 0
        assert player.log == ""


def test_a_late_signal_ends_a_program_that_hangs() -> None:
    with subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        for _ in range(2):
            program.send_signal(signal.SIGINT)
        assert program.stdout.readline() == "asked\n"

        def ended() -> bool:
            program.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            return program.poll() is not None

        wait_until(ended)
        assert program.returncode == 128 + signal.SIGTERM
