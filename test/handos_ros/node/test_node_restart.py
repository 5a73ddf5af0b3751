"""Listener and node come and go independently."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from builtin_interfaces.msg import Time
from node_process import FRAME_ID, LIT, RELIABLE, Client, TestCamera, ros_process, running_node, write_weights
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from handos_ros.messages.image_messages import image_message
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


def test_listener_survives_negative_stamps_and_an_undecodable_image(tmp_path: Path, client: Client) -> None:
    remapping = ("--out", tmp_path / "out", "--ros-args", "-r", "image:=/odd/image", "-r", "handos/hands:=/odd/hands")
    images = client.node.create_publisher(Image, "/odd/image", RELIABLE)
    hands = client.node.create_publisher(HandArray, "/odd/hands", RELIABLE)
    with ros_process("listener", *remapping, log=tmp_path / "listener.txt") as listener:

        def send(encoding: str, second: int) -> None:
            header = Header(stamp=Time(sec=second), frame_id=FRAME_ID)
            image = image_message(LIT, header)
            image.encoding = encoding
            images.publish(image)
            client.spin(0.1)
            hands.publish(HandArray(header=header))

        client.until(lambda: "left out" in listener.log, lambda: send("no such encoding", -2))
        count = listener.log.count("-7.000 s")
        client.until(lambda: listener.log.count("-7.000 s") > count + 2, lambda: send("bgr8", -7))
        listener.stop()
        assert (tmp_path / "out/overlay.mp4").is_file()
        assert "Traceback" not in listener.log


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
