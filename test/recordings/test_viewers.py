"""What viewers show is read back by their own readers, and by a client of their servers."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pyarrow as pa
import pytest
from foxglove import layouts
from full_disk import size_limit
from hands import CAMERA, TOPOLOGY, hand_at
from mcap.records import Schema
from mcap_ros2.decoder import DecoderFactory
from rerun.chunk import RrdReader
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from handos_model.hand.hand import Hand
from handos_model.recordings.camera_choice import FrameCamera
from handos_model.recordings.formats.frame_messages import TOPICS, TOPOLOGY_TOPIC, FrameMessages
from handos_model.recordings.formats.message_definitions import message_types
from handos_model.recordings.frame import Frame
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource
from handos_model.recordings.viewers.foxglove_server import FoxgloveServer
from handos_model.recordings.viewers.hand_names import HandNames
from handos_model.recordings.viewers.rerun_recording import RerunRecording
from handos_model.recordings.viewers.rerun_window import RerunWindow
from handos_model.recordings.viewers.viewer_choice import ViewerChoice

LEFT, RIGHT = replace(hand_at(420, side="left"), id=4), replace(hand_at(200, side="right"), id=3)
VIDEO = FrameSource("clip.mp4", iter(()), None, 25.0)
LAYOUT = json.loads((Path(__file__).parents[2] / "config" / "handos.foxglove.json").read_text())


def result(index: int, hands: tuple[Hand, ...] = (RIGHT, LEFT), stamp: float | None = None) -> FrameHands:
    image = np.full((480, 640, 3), 40 + 10 * (index % 20), np.uint8)
    frame = Frame(image, "clip.mp4", index, index / 25 if stamp is None else stamp)
    return FrameHands(frame, hands, FrameCamera(CAMERA))


# Names


def test_a_tracked_hand_keeps_its_name_and_leaves_it_to_others_when_it_is_gone() -> None:
    names = HandNames()
    second = replace(LEFT, id=9)
    assert names.of([LEFT, RIGHT]) == ["left", "right"]
    assert names.of([second, RIGHT, LEFT]) == ["left_2", "right", "left"]
    assert names.of([second]) == ["left_2"]
    assert names.of([replace(LEFT, id=10), second]) == ["left", "left_2"]


def test_untracked_hands_of_a_side_have_different_names() -> None:
    bare = replace(RIGHT, id=None)
    assert HandNames().of([bare, bare, replace(LEFT, id=None)]) == ["right", "right_2", "left"]


# Rerun


def write_rrd(path: Path, results: list[FrameHands], source: FrameSource = VIDEO) -> None:
    with RerunRecording(path, TOPOLOGY).show(source) as writer:
        for one in results:
            writer.write(one)


def rows_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of a recording by entity, in the order of the frames; constants first."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for chunk in RrdReader(path).stream():
        batch = chunk.to_record_batch()
        if "time" in batch.schema.names:
            index = batch.schema.get_field_index("time")
            batch = batch.set_column(index, "time", batch["time"].cast(pa.int64()))
        rows.setdefault(chunk.entity_path.lstrip("/"), []).extend(batch.to_pylist())
    return {entity: sorted(found, key=lambda row: row.get("frame", -1)) for entity, found in rows.items()}


def frames_in(path: Path) -> list[int]:
    """Numbers of the frames in a recording, which may still be written."""
    return [row["frame"] for row in rows_of(path).get("camera/image", [])] if path.is_file() else []


def values_of(rows: list[dict[str, Any]], component: str) -> list[Any]:
    return [row[component] for row in rows if row.get(component) is not None]


def test_a_recording_has_image_camera_hands_and_scores(tmp_path: Path) -> None:
    write_rrd(tmp_path / "clip.rrd", [result(0), result(1), result(2)])
    assert [path.name for path in tmp_path.iterdir()] == ["clip.rrd"]
    rows = rows_of(tmp_path / "clip.rrd")
    images = values_of(rows["camera/image"], "EncodedImage:blob")
    means = [cv2.imdecode(np.array(image[0], np.uint8), cv2.IMREAD_COLOR).mean() for image in images]
    assert means == pytest.approx([40, 50, 60], abs=1)
    # Rerun's origin is the corner of the first pixel, ours its centre.
    (pinhole,) = values_of(rows["camera"], "Pinhole:image_from_camera")
    assert np.reshape(pinhole, (3, 3)).T.tolist() == [[500, 0, 320.5], [0, 500, 240.5], [0, 0, 1]]
    pixels = values_of(rows["camera/hands/left/joints"], "Points2D:positions")[0]
    np.testing.assert_allclose(pixels, LEFT.joints_2d + 0.5, rtol=1e-6)
    assert values_of(rows["camera/hands/right/box"], "Boxes2D:labels")[0] == ["right 3 0.90"]
    for name, hand in (("left", LEFT), ("right", RIGHT)):
        assert hand.joints_3d is not None
        joints = values_of(rows[f"hands/{name}/joints"], "Points3D:positions")
        np.testing.assert_allclose(joints, [hand.joints_3d] * 3)
        mesh = rows[f"hands/{name}/mesh"]
        np.testing.assert_allclose(values_of(mesh, "Mesh3D:vertex_positions"), [hand.vertices] * 3)
        (faces,) = values_of(mesh, "Mesh3D:triangle_indices")
        np.testing.assert_array_equal(faces, TOPOLOGY.faces(hand.handedness))
        assert values_of(rows[f"scores/{name}/hand"], "Scalars:scalars") == [[pytest.approx(0.9)]] * 3
        assert values_of(rows[f"scores/{name}/joints"], "Scalars:scalars") == [[pytest.approx(1.0)]] * 3


def test_normals_point_out_of_the_hands(tmp_path: Path) -> None:
    write_rrd(tmp_path / "clip.rrd", [result(0)])
    rows = rows_of(tmp_path / "clip.rrd")
    for name in ("left", "right"):
        mesh = rows[f"hands/{name}/mesh"]
        (vertices,), (normals,) = (values_of(mesh, f"Mesh3D:vertex_{what}") for what in ("positions", "normals"))
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        outwards = np.subtract(vertices, np.mean(vertices, axis=0))
        assert np.mean((outwards * normals).sum(axis=1) > 0) > 0.7


def test_the_viewers_own_check_finds_a_recording_complete(tmp_path: Path) -> None:
    write_rrd(tmp_path / "clip.rrd", [result(index) for index in range(30)])
    check = [sys.executable, "-m", "rerun_cli", "rrd", "verify", str(tmp_path / "clip.rrd")]
    subprocess.run(check, check=True, capture_output=True)


def test_a_hand_that_is_gone_is_cleared(tmp_path: Path) -> None:
    write_rrd(tmp_path / "clip.rrd", [result(0), result(1, (RIGHT,)), result(2)])
    rows = rows_of(tmp_path / "clip.rrd")
    for entity in ("camera/hands/{}/box", "hands/{}/mesh", "hands/{}/joints", "scores/{}/hand"):
        cleared = [row["frame"] for row in rows[entity.format("left")] if row.get("Clear:is_recursive") is not None]
        assert cleared == [1]
        assert not any("Clear:is_recursive" in row for row in rows[entity.format("right")])


def test_without_metres_there_are_pixels_only(tmp_path: Path) -> None:
    bare = replace(RIGHT, metric=None)
    write_rrd(tmp_path / "clip.rrd", [FrameHands(result(0).frame, (bare,), FrameCamera())])
    rows = rows_of(tmp_path / "clip.rrd")
    assert "camera/hands/right/joints" in rows
    assert not any(entity.startswith("hands/") for entity in rows)
    assert "camera" not in rows


@pytest.mark.parametrize(
    ("kind", "rate", "times"),
    [("video", 25.0, [0, 40_000_000]), ("live", 30.0, [0, 40_000_000]), ("folder", None, [None, None])],
)
def test_frames_have_their_number_and_their_time(kind: Any, rate: float | None, times: Any, tmp_path: Path) -> None:
    write_rrd(tmp_path / "clip.rrd", [result(0), result(1)], replace(VIDEO, kind=kind, frame_rate=rate))
    rows = rows_of(tmp_path / "clip.rrd")["camera/image"]
    assert [row["frame"] for row in rows] == [0, 1]
    assert [row.get("time") for row in rows] == times


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (480, 640, 3), np.uint8)
    frames = [replace(result(index), frame=replace(result(index).frame, image=noise)) for index in range(30)]
    with size_limit(1_000_000), pytest.raises(OSError, match=r"clip\.rrd"):
        write_rrd(tmp_path / "clip.rrd", frames)
    assert not (tmp_path / "clip.rrd").exists()


Process = subprocess.Popen[bytes]


@pytest.fixture
def viewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Process]]:
    """Rerun's own server in place of its window, which needs a display; it writes what it receives to seen.rrd."""
    started: list[Process] = []
    start = subprocess.Popen

    def without_display(command: list[str], **options: Any) -> Process:
        started.append(start([*command, "--serve-grpc", "--save", str(tmp_path / "seen.rrd")], **options))
        return started[-1]

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(subprocess, "Popen", without_display)
    yield started
    for process in started:
        close(process)


def close(process: Process) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()


@pytest.mark.filterwarnings("ignore:RRD file has no footer")  # the server was stopped
def test_the_window_gets_every_frame(viewer: list[Process], tmp_path: Path) -> None:
    window = RerunWindow(TOPOLOGY)
    with window.show(VIDEO) as writer:
        for index in range(5):
            writer.write(result(index))
    assert window.is_open
    deadline = time.monotonic() + 10
    while len(frames_in(tmp_path / "seen.rrd")) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    close(viewer[0])
    assert frames_in(tmp_path / "seen.rrd") == [0, 1, 2, 3, 4]


def test_a_closed_window_does_not_stop_a_run(viewer: list[Process]) -> None:
    window = RerunWindow(TOPOLOGY)
    with window.show(VIDEO) as writer:
        writer.write(result(0))
        close(viewer[0])
        assert not window.is_open
        writer.write(result(1))


def test_without_a_display_the_window_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OSError, match="--rrd"):
        RerunWindow(TOPOLOGY)


# Foxglove


@pytest.fixture
def server() -> Iterator[FoxgloveServer]:
    server = FoxgloveServer("127.0.0.1", 0, TOPOLOGY, ("Ada", 1.1), with_meshes=False)
    yield server
    server.close()


class Client:
    """A client as Foxglove is: it subscribes to topics and decodes messages by the definitions that it is sent."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.server = json.loads(socket.recv(5))
        self.channels = {channel["topic"]: channel for channel in json.loads(socket.recv(5))["channels"]}

    def subscribe(self, topics: Iterable[str]) -> None:
        self._names = dict(enumerate(topics))
        wanted = [{"id": number, "channelId": self.channels[topic]["id"]} for number, topic in self._names.items()]
        self._socket.send(json.dumps({"op": "subscribe", "subscriptions": wanted}))

    def receive(self, count: int) -> list[tuple[str, int, Any]]:
        """The next messages: topic, time in nanoseconds, content."""
        received: list[tuple[str, int, Any]] = []
        while len(received) < count:
            data = self._socket.recv(5)
            if isinstance(data, bytes):
                kind, number, time = struct.unpack_from("<BIQ", data)
                assert kind == 1
                received.append((self._names[number], time, self._decode(self._names[number], data[13:])))
        return received

    def _decode(self, topic: str, data: bytes) -> Any:
        channel = self.channels[topic]
        assert (channel["encoding"], channel["schemaEncoding"]) == ("cdr", "ros2msg")
        schema = Schema(0, channel["schema"].encode(), "ros2msg", channel["schemaName"])
        decode = DecoderFactory().decoder_for("cdr", schema)
        assert decode is not None
        return decode(data)


@contextmanager
def connected(server: FoxgloveServer) -> Iterator[Client]:
    with connect(f"ws://127.0.0.1:{server.port}", subprotocols=[Subprotocol("foxglove.sdk.v1")]) as socket:
        yield Client(socket)


def wait_for_subscriptions(server: FoxgloveServer, topics: Iterable[str]) -> None:
    end = time.monotonic() + 10
    while not all(server.is_watched(topic) for topic in topics):
        assert time.monotonic() < end, "the server has no subscriptions"
        time.sleep(0.01)


def test_a_client_receives_the_messages_of_mcap_files(server: FoxgloveServer) -> None:
    with connected(server) as client, server.show(VIDEO) as writer:
        assert {topic: channel["schemaName"] for topic, channel in client.channels.items()} == TOPICS
        client.subscribe(TOPICS)
        wait_for_subscriptions(server, TOPICS)
        writer.write(result(0))
        writer.write(result(1, (RIGHT,)))
        messages = client.receive(2 * len(TOPICS) - 1)
    assert [topic for topic, _, _ in messages].count(TOPOLOGY_TOPIC) == 1
    assert {time for _, time, _ in messages} == {0, 40_000_000}
    second = {topic: content for topic, time, content in messages if time}
    image = cv2.imdecode(np.frombuffer(second["/camera/image/compressed"].data, np.uint8), cv2.IMREAD_COLOR)
    assert image.mean() == pytest.approx(50, abs=1)
    (entity,) = second["/handos/scene"].entities
    assert entity.id == "right 3"
    np.testing.assert_allclose([[p.x, p.y, p.z] for p in entity.triangles[0].points], RIGHT.vertices)
    assert second["/handos/hands"].operator_name == "Ada"
    assert len(second["/handos/annotations"].texts) == 1


def test_who_comes_later_receives_the_topology_too(server: FoxgloveServer) -> None:
    with server.show(VIDEO) as writer:
        for index in range(2):
            with connected(server) as client:
                client.subscribe([TOPOLOGY_TOPIC])
                wait_for_subscriptions(server, [TOPOLOGY_TOPIC])
                writer.write(result(index))
                ((_, _, topology),) = client.receive(1)
                assert topology.vertex_count == TOPOLOGY.vertex_count


def test_what_nobody_watches_is_not_made(server: FoxgloveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    serialise = FrameMessages.serialise

    def counted(self: FrameMessages, topic: str, one: FrameHands) -> bytes:
        made.append(topic)
        return serialise(self, topic, one)

    monkeypatch.setattr(FrameMessages, "serialise", counted)
    with server.show(VIDEO) as writer:
        writer.write(result(0))
        assert made == []
        with connected(server) as client:
            client.subscribe(["/handos/hands"])
            wait_for_subscriptions(server, ["/handos/hands"])
            writer.write(result(1))
    assert made == ["/handos/hands"]


def test_it_listens_on_the_loopback_interface_only(server: FoxgloveServer) -> None:
    addresses = {connection.laddr for connection in psutil.net_connections() if connection.status == psutil.CONN_LISTEN}
    assert {address.ip for address in addresses if address.port == server.port} == {"127.0.0.1"}


def test_a_port_that_is_taken_is_named(server: FoxgloveServer) -> None:
    with pytest.raises(OSError, match=str(server.port)):
        FoxgloveServer("127.0.0.1", server.port, TOPOLOGY, ("", 1.0), with_meshes=False)


@pytest.mark.parametrize(
    ("address", "websocket"),
    [("8765", "ws://127.0.0.1:8765"), ("0.0.0.0:80", "ws://0.0.0.0:80"), ("[::1]:80", "ws://[::1]:80")],
)
def test_an_address_without_a_host_is_this_computer(address: str, websocket: str) -> None:
    assert ViewerChoice(address=address).websocket == websocket


@pytest.mark.parametrize("address", ["", "foxglove", "0", "70000", "host:", "-1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="--foxglove"):
        ViewerChoice(address=address).require_usable(overwrite=False)


# Foxglove's layout

PANELS: dict[str, dict[str, Any]] = LAYOUT["configById"]
CONFIGS = {"3D": layouts.ThreeDeeConfig, "Image": layouts.ImageConfig, "Plot": layouts.PlotConfig}
NODE_TOPICS = {"/handos/markers", "/handos/overlay"}


def panels_in(node: Any) -> Iterator[str]:
    """Names of the panels that a part of the layout shows, also those in tabs."""
    if isinstance(node, dict):
        assert node.keys() == {"direction", "first", "second", "splitPercentage"}
        yield from panels_in(node["first"])
        yield from panels_in(node["second"])
    else:
        yield node
        for tab in PANELS[node].get("tabs", []):
            yield from panels_in(tab["layout"])


def test_the_layout_shows_each_of_its_panels_once() -> None:
    assert sorted(panels_in(LAYOUT["layout"])) == sorted(PANELS)


@pytest.mark.parametrize("name", [name for name in PANELS if name.partition("!")[0] in CONFIGS])
def test_panels_have_settings_that_foxglove_knows(name: str) -> None:
    known = CONFIGS[name.partition("!")[0]]()._to_dict().keys() | {"foxglovePanelTitle"}
    assert PANELS[name].keys() <= known
    parts = {"cameraState": layouts.ThreeDeeCameraState(), "imageMode": layouts.ImageModeConfig()}
    for part in parts.keys() & PANELS[name].keys():
        assert PANELS[name][part].keys() <= parts[part]._to_dict().keys()
    for path in PANELS[name].get("paths", []):
        assert path.keys() <= layouts.PlotSeries()._to_dict().keys()


def test_the_layout_names_topics_that_are_published() -> None:
    text = json.dumps(LAYOUT)
    assert set(re.findall(r"/(?:handos|camera)/[a-z_/]+", text)) <= TOPICS.keys() | NODE_TOPICS


def test_curves_are_the_scores_of_left_and_right_hands() -> None:
    hand: Any = message_types().types["handos_ros/msg/Hand"]
    fields = {name for name, _ in message_types().fielddefs["handos_ros/msg/Hand"][1]}
    sides = {"left": hand.HANDEDNESS_LEFT, "right": hand.HANDEDNESS_RIGHT}
    assert {"handedness", "score"} <= fields
    assert {path["label"]: path["value"] for path in PANELS["Plot!scores"]["paths"]} == {
        side: f"/handos/hands.hands[:]{{handedness=={number}}}.score" for side, number in sides.items()
    }
