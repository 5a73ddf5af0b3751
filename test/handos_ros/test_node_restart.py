"""Listener and node come and go independently."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_process import Client, TestCamera, ros_process, running_node, write_weights

from handos_ros.msg import HandArray


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def test_listener_goes_on_when_the_node_is_killed_and_restarted(tmp_path: Path, client: Client) -> None:
    weights = write_weights(tmp_path)
    camera = TestCamera(client)
    with ros_process("listener", log=tmp_path / "listener.txt") as listener:
        with running_node(weights, log=tmp_path / "first.txt") as node:
            client.until(lambda: "#1 right" in listener.log, camera.send)
            node.process.kill()
        heard = listener.log.count("#1 right")
        with running_node(weights, log=tmp_path / "second.txt"):
            client.until(lambda: listener.log.count("#1 right") > heard + 3, camera.send)
        assert listener.stop() == 0
        assert "HandArrays, hands in" in listener.log


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_the_middle_of_a_frame_ends_the_node_cleanly(
    how: signal.Signals, tmp_path: Path, client: Client
) -> None:
    camera = TestCamera(client)
    received = client.collect(HandArray, "/handos/hands")
    with running_node(write_weights(tmp_path), log=tmp_path / "log.txt") as node:
        client.until(lambda: received, camera.send)
        for _ in range(20):
            camera.send()
        assert node.stop(how) == 0
        assert "Traceback" not in node.log
