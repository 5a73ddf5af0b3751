"""With on_demand, cameras are subscribed to only while somebody listens, over DDS."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from hands import TOPOLOGY
from node_process import RELIABLE, Client, RosProcess, TestCamera, running_node
from sensor_msgs.msg import Image
from transforms import import_tf2_ros, tf2_for_children

from handos_ros.estimation import camera_stream
from handos_ros.estimation.camera_stream import CameraStream
from handos_ros.msg import HandArray
from handos_ros.outputs.optional_outputs import OptionalOutputs
from handos_ros.parameters.node_parameters import NodeParameters

tf2_ros = import_tf2_ros()


@pytest.fixture(scope="module")
def node(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosProcess]:
    log = tmp_path_factory.mktemp("node") / "log.txt"
    with tf2_for_children(), running_node(weights, "-p", "on_demand:=true", "-p", "depth:=true", log=log) as process:
        yield process


def camera_status(diagnostics: list[DiagnosticArray]) -> DiagnosticStatus:
    return next(status for status in diagnostics[-1].status if "camera" in status.name)


def value(status: DiagnosticStatus, key: str) -> str:
    return next(entry.value for entry in status.values if entry.key == key)


def test_images_are_subscribed_to_while_somebody_listens_and_tracks_and_counters_go_on(
    client: Client, node: RosProcess
) -> None:
    camera = TestCamera(client)
    depth = client.node.create_publisher(Image, "/depth", RELIABLE)
    sources = (camera.images, camera.infos, depth)
    diagnostics = client.collect(DiagnosticArray, "/diagnostics", RELIABLE)

    def is_subscribed() -> list[bool]:
        return [source.get_subscription_count() > 0 for source in sources]

    client.until(lambda: diagnostics and "paused" in camera_status(diagnostics).message)
    assert is_subscribed() == [False] * 3
    assert camera_status(diagnostics).level == DiagnosticStatus.OK

    received: list[HandArray] = []
    listening = client.node.create_subscription(HandArray, "/handos/hands", received.append, RELIABLE)
    client.until(lambda: received and len(received[-1].hands) == 2, camera.send)
    assert is_subscribed() == [True] * 3
    first_ids = {hand.id for hand in received[-1].hands}

    client.node.destroy_subscription(listening)
    client.until(lambda: not any(is_subscribed()))
    diagnostics.clear()
    client.until(lambda: len(diagnostics) > 2 and "paused" in camera_status(diagnostics).message)
    before = int(value(camera_status(diagnostics), "frames in"))
    assert before > 0

    received.clear()
    poses = client.collect(PoseStamped, "/handos/left/wrist")  # any output will do
    client.until(lambda: poses, camera.send)
    arrays = client.collect(HandArray, "/handos/hands")
    client.until(lambda: arrays and len(arrays[-1].hands) == 2, camera.send)
    assert min(hand.id for hand in arrays[-1].hands) >= min(first_ids)
    diagnostics.clear()
    client.until(lambda: diagnostics and int(value(camera_status(diagnostics), "frames in")) > before, camera.send)
    assert "no image on" not in camera_status(diagnostics).message


def test_missing_images_are_warned_of_only_while_somebody_listens(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_stream, "WARNING_PERIOD", 0.2)
    monkeypatch.setattr(camera_stream, "DEMAND_PERIOD", 0.1)
    warnings: list[str] = []
    stream = CameraStream(client.node, "silent", NodeParameters(on_demand=True), TOPOLOGY, OptionalOutputs())
    stream.logger = SimpleNamespace(warning=lambda text, **_: warnings.append(text))  # type: ignore[assignment]
    stream.subscribe(lambda *_: None)
    client.spin(1.0)
    assert stream.is_paused
    assert warnings == []

    listening = client.node.create_subscription(HandArray, "/client/silent/hands", lambda _: None, RELIABLE)
    client.until(lambda: warnings)
    assert not stream.is_paused
    assert warnings[0].startswith("no image yet on /silent/image")
    subscribed = time.monotonic()
    assert stream.silent_for(subscribed + 5.0) >= 5.0

    client.node.destroy_subscription(listening)
    client.until(lambda: stream.is_paused)
    warnings.clear()
    client.spin(1.0)
    assert warnings == []
    stream.close()
    assert not stream.is_paused


def test_whoever_listens_to_tf_is_somebody(weights: Path, client: Client, tmp_path: Path) -> None:
    arguments = ["-r", "__node:=watcher", "-p", "on_demand:=true", "-p", "target_frame:=base", "-r", "image:=/other"]
    camera = TestCamera(client, "/other")
    with tf2_for_children(), running_node(weights, *arguments, log=tmp_path / "log.txt"):
        client.spin(2.5)
        assert camera.images.get_subscription_count() == 0  # its own listener does not count
        listener = tf2_ros.TransformListener(tf2_ros.Buffer(), client.node)
        client.until(lambda: camera.images.get_subscription_count())
        listener.unregister()
        client.until(lambda: not camera.images.get_subscription_count())
