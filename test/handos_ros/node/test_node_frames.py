"""Several nodes and cameras at once, and poses in the robot's frame, over DDS.

With the real tf2_ros and vision_msgs where they are installed; otherwise tf2 is a stand-in and there are no detections.
"""

import importlib.util
import math
import os
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, PoseStamped, TransformStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from node_process import CAMERA, LIT, RELIABLE, Client, RosProcess, TestCamera, ros_process, running_node, stamp_of
from std_msgs.msg import Header
from transforms import import_tf2_ros, tf2_for_children, transform

from handos_ros.msg import HandArray

HAS_VISION_MSGS = importlib.util.find_spec("vision_msgs") is not None
NODES = ("/robot1/handos", "/robot2/hands")
CAMERAS = ("left", "right")
HALF = math.sqrt(0.5)
tf2_ros = import_tf2_ros()


class ReceivedTransforms:
    """Stands in for a buffer: keeps what a TransformListener receives."""

    def __init__(self, client: Client) -> None:
        self.moving: list[TransformStamped] = []
        self._listener = tf2_ros.TransformListener(self, client.node)

    def close(self) -> None:
        self._listener.unregister()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        self.moving.append(transform)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        raise AssertionError("no node publishes static transforms")


def send_from(camera: TestCamera, frame_id: str) -> tuple[int, int]:
    """Publish an image; its stamp."""
    header = Header(stamp=camera.header().stamp, frame_id=frame_id)
    camera.send_with(header, LIT, CAMERA)
    return stamp_of(header)


def in_steps(*steps: Callable[[], object]) -> Callable[[], None]:
    def all_steps() -> None:
        for step in steps:
            step()

    return all_steps


@pytest.fixture(scope="module")
def two_nodes(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RosProcess]]:
    """Two nodes with two cameras each, whose images come from topics with the same names."""
    folder = tmp_path_factory.mktemp("nodes")
    arguments = [["-r", f"__ns:={n[:7]}", "-r", f"__node:={n[8:]}", "-p", "cameras:=[left, right]"] for n in NODES]
    with (
        tf2_for_children(),
        running_node(weights, *arguments[0], log=folder / "1.txt") as first,
        running_node(weights, *arguments[1], log=folder / "2.txt") as second,
    ):
        yield [first, second]


def test_nodes_namespaces_and_cameras_share_no_topic_and_no_frame(client: Client, two_nodes: list[RosProcess]) -> None:
    cameras = {
        (node, name): TestCamera(client, f"{node.rpartition('/')[0]}/{name}/image")
        for node, name in product(NODES, CAMERAS)
    }
    hands = {(n, c): client.collect(HandArray, f"{n}/{c}/hands") for n, c in cameras}
    wrists = {(n, c): client.collect(PoseStamped, f"{n}/{c}/right/wrist") for n, c in cameras}
    tf = ReceivedTransforms(client)
    sent: dict[tuple[str, str], set[tuple[int, int]]] = {key: set() for key in cameras}

    def send() -> None:
        for (node, name), camera in cameras.items():
            sent[node, name].add(send_from(camera, f"{node[1:]}/{name}/optical"))
            client.spin(0.02)

    client.until(lambda: len({each.child_frame_id for each in tf.moving}) == 8 and all(map(len, wrists.values())), send)
    tf.close()
    sides = {f"{side}_wrist" for side in ("left", "right")}
    assert {each.child_frame_id for each in tf.moving} == {
        f"{node[1:]}/{name}/{wrist}" for (node, name), wrist in product(cameras, sides)
    }
    for each in tf.moving:
        assert each.header.frame_id == f"{each.child_frame_id.rpartition('/')[0]}/optical"
    for (node, name), received in [*hands.items(), *wrists.items()]:
        assert {message.header.frame_id for message in received} == {f"{node[1:]}/{name}/optical"}
        assert {stamp_of(message) for message in received} <= sent[node, name]
    published = [
        (name, node)
        for node in NODES
        for name, _ in client.node.get_publisher_names_and_types_by_node(*_split(node))
        if name.startswith("/robot")
    ]
    # Lifecycle's own topic and the latched topology are there once per node, everything else once per camera.
    topics = [name for name, _ in published]
    assert len(topics) == len(set(topics))
    expected = {f"{n}/{c}/{side}/wrist" for n, c, side in product(NODES, CAMERAS, ("left", "right"))}
    expected |= {f"{n}/{c}/detections_{k}d" for n, c, k in product(NODES, CAMERAS, (2, 3)) if HAS_VISION_MSGS}
    assert expected <= set(topics)
    assert any("detections" in topic for topic in topics) == HAS_VISION_MSGS
    for process in two_nodes:
        assert ("vision_msgs is not installed" in process.log) != HAS_VISION_MSGS


def _split(node: str) -> tuple[str, str]:
    namespace, _, name = node.rpartition("/")
    return name, namespace


@pytest.fixture(scope="module")
def node(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosProcess]:
    """A node that knows the robot's base."""
    log = tmp_path_factory.mktemp("node") / "log.txt"
    with tf2_for_children(), running_node(weights, "-p", "target_frame:=base_link", log=log) as process:
        yield process


def test_poses_come_in_the_target_frame_once_its_transform_is_there(client: Client, node: RosProcess) -> None:
    camera = TestCamera(client)
    hands = client.collect(HandArray, "/handos/hands")
    wrists = client.collect(PoseStamped, "/handos/right/wrist")
    fingertips = client.collect(PoseArray, "/handos/fingertips")
    diagnostics = client.collect(DiagnosticArray, "/diagnostics", RELIABLE)
    detections = _collect_detections(client)
    step = in_steps(lambda: send_from(camera, "eye"), lambda: client.spin(0.03))

    def missing() -> list[int]:
        statuses = [status for message in diagnostics for status in message.status if status.hardware_id == "/image"]
        values = [value for status in statuses for value in status.values]
        return [int(value.value) for value in values if value.key == "missing transforms"]

    client.until(lambda: len(hands) > 5 and missing() and missing()[-1] > 0, step)
    assert wrists == fingertips == detections == []
    node.wait_for_log("'eye' to target_frame 'base_link'", "does not exist", "/tf_static")
    problems = [s.message for m in diagnostics for s in m.status if "no transform" in s.message]
    assert problems

    static = tf2_ros.StaticTransformBroadcaster(client.node)
    static.sendTransform(transform("base_link", "eye", (1.0, 2.0, 3.0), (0.0, 0.0, HALF, HALF)))
    client.until(lambda: len(wrists) > 3 and fingertips and fingertips[-1].poses, step)
    if HAS_VISION_MSGS:
        client.until(lambda: detections and detections[-1].detections, step)
        assert {message.header.frame_id for message in detections} == {"base_link"}
    in_camera = {stamp_of(m): hand for m in hands for hand in m.hands if hand.handedness == hand.HANDEDNESS_RIGHT}
    for wrist in wrists:
        seen, moved = in_camera[stamp_of(wrist)].wrist_pose.position, wrist.pose.position
        # A quarter turn about z: x becomes y, y becomes -x.
        np.testing.assert_allclose((moved.x, moved.y, moved.z), (1 - seen.y, 2 + seen.x, 3 + seen.z), atol=1e-6)
        assert wrist.header.frame_id == "base_link"
    assert {message.header.frame_id for message in fingertips} == {"base_link"}
    assert {message.header.frame_id for message in hands} == {"eye"}
    settled = missing()[-1]
    client.until(lambda: len(missing()) > 3 and missing()[-3] == missing()[-1] >= settled, step)


def test_a_moving_camera_is_looked_up_where_it_was_when_the_image_was_taken(client: Client, node: RosProcess) -> None:
    """The transform comes after the image, as with a robot's joint states."""
    camera = TestCamera(client)
    broadcaster = tf2_ros.TransformBroadcaster(client.node)
    hands = client.collect(HandArray, "/handos/hands")
    wrists = client.collect(PoseStamped, "/handos/right/wrist")
    zero = camera.header().stamp.sec

    def place(header: Header) -> float:
        """The camera moves along x at 1 m/s."""
        return header.stamp.sec - zero + header.stamp.nanosec / 1e9

    def step() -> None:
        header = Header(stamp=camera.header().stamp, frame_id="moving_eye")
        moved = transform("base_link", "moving_eye", (place(header), 0.0, 0.0))
        moved.header.stamp = header.stamp
        camera.send_with(header, LIT, CAMERA)
        client.spin(0.01)
        broadcaster.sendTransform(moved)

    client.until(lambda: len(wrists) > 5, step)
    in_camera = {stamp_of(m): hand for m in hands for hand in m.hands if hand.handedness == hand.HANDEDNESS_RIGHT}
    for wrist in wrists:
        seen, moved = in_camera[stamp_of(wrist)].wrist_pose, wrist.pose
        assert moved.position.x == pytest.approx(seen.position.x + place(wrist.header), abs=1e-6)
        assert moved.orientation == seen.orientation


def test_a_wrist_s_pose_in_the_target_frame_is_its_frame_as_tf2_sees_it_from_there(
    client: Client, node: RosProcess
) -> None:
    camera = TestCamera(client)
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, client.node)
    static = tf2_ros.StaticTransformBroadcaster(client.node)
    static.sendTransform(transform("base_link", "fixed_eye", (0.3, -0.2, 1.1), (0.1, 0.7, -0.1, 0.7)))
    wrists = {side: client.collect(PoseStamped, f"/handos/{side}/wrist") for side in ("left", "right")}
    step = in_steps(lambda: send_from(camera, "fixed_eye"), lambda: client.spin(0.03))
    client.until(lambda: all(len(received) > 3 for received in wrists.values()), step)
    client.spin(0.5)  # its transform may come after its pose
    for side, received in wrists.items():
        for wrist in received[-3:]:
            seen = buffer.lookup_transform("base_link", f"handos/{side}_wrist", wrist.header.stamp).transform
            position, orientation = wrist.pose.position, wrist.pose.orientation
            for name in "xyz":
                assert getattr(position, name) == pytest.approx(getattr(seen.translation, name), abs=1e-6)
            cosine = sum(getattr(orientation, name) * getattr(seen.rotation, name) for name in "xyzw")
            assert abs(cosine) == pytest.approx(1, abs=1e-6)  # q and -q are the same rotation
    listener.unregister()


def _collect_detections(client: Client) -> list[Any]:
    if not HAS_VISION_MSGS:
        return []
    from vision_msgs.msg import Detection3DArray

    return client.collect(Detection3DArray, "/handos/detections_3d")


@pytest.mark.skipif(not HAS_VISION_MSGS, reason="vision_msgs is not installed; it is not on PyPI")
def test_detections_over_dds_are_those_of_the_hand_array(client: Client, node: RosProcess) -> None:
    from vision_msgs.msg import Detection2DArray

    camera = TestCamera(client)
    hands = client.collect(HandArray, "/handos/hands")
    flat = client.collect(Detection2DArray, "/handos/detections_2d")
    client.until(
        lambda: len(flat) > 5 and len(flat[-1].detections) == 2,
        in_steps(lambda: send_from(camera, "eye"), lambda: client.spin(0.03)),
    )
    arrays = {stamp_of(message): message for message in hands}
    for message in flat:
        array = arrays[stamp_of(message)]
        assert message.header == array.header
        seen = {str(hand.id): hand for hand in array.hands if hand.state != hand.STATE_COASTING}
        assert {detection.id for detection in message.detections} == seen.keys()
        for detection in message.detections:
            box, hand = detection.bbox, seen[detection.id]
            assert box.center.position.x == pytest.approx((hand.box[0] + hand.box[2]) / 2, abs=1e-3)
            assert box.size_y == pytest.approx(hand.box[3] - hand.box[1], abs=1e-3)
            name = "right_hand" if hand.handedness == hand.HANDEDNESS_RIGHT else "left_hand"
            assert detection.results[0].hypothesis.class_id == name


def test_a_node_that_is_cleaned_up_neither_sends_nor_hears_transforms_until_it_is_configured_again(
    client: Client, node: RosProcess
) -> None:
    def uses_of_tf() -> set[str]:
        graph = client.node
        sent = graph.get_publisher_names_and_types_by_node("handos", "/")
        heard = graph.get_subscriber_names_and_types_by_node("handos", "/")
        return {f"sends {name}" for name, _ in sent if "tf" in name} | {
            f"hears {name}" for name, _ in heard if "tf" in name
        }

    def change_state(*transitions: int) -> None:
        for transition in transitions:
            request = ChangeState.Request(transition=Transition(id=transition))
            assert client.call(ChangeState, "/handos/change_state", request).success

    client.until(lambda: "handos" in client.node.get_node_names())
    everything = {"sends /tf", "hears /tf", "hears /tf_static"}
    client.until(lambda: uses_of_tf() == everything)
    change_state(Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
    client.until(lambda: uses_of_tf() == set())
    change_state(Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
    client.until(lambda: uses_of_tf() == everything)


def test_without_tf2_a_node_with_a_target_frame_is_not_configured_and_says_why_in_one_line(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tf2_ros.py").write_text("raise ImportError('not installed')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ['PYTHONPATH']}")
    arguments = ("--ros-args", "-p", f"weights:={weights}", "-p", "target_frame:=base_link")
    with ros_process("node", *arguments, log=tmp_path / "log.txt") as process:
        assert process.wait() == 1
        (line,) = [line for line in process.log.splitlines() if "not configured" in line]
        assert "parameter target_frame is 'base_link', but tf2_ros is not installed" in line
        assert "Traceback" not in process.log
