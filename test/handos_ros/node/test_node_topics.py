"""What the node publishes, over DDS between two processes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from node_process import CAMERA, FRAME_ID, LIT, Client, RosProcess, TestCamera, running_node, stamp_of
from visualization_msgs.msg import Marker, MarkerArray

from handos_model.hand.topology import HandTopology as ModelTopology
from handos_model.inference.pipeline import HandPipeline
from handos_ros.msg import Hand, HandArray, HandTopology
from handos_ros.topics.qos import LATCHED_QOS

TOPOLOGY = ModelTopology.load()


@pytest.fixture(scope="module")
def node(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosProcess]:
    with running_node(weights, log=tmp_path_factory.mktemp("node") / "log.txt") as process:
        yield process


@pytest.fixture(scope="module")
def client(node: RosProcess) -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def hands_in_answer_to(client: Client, camera: TestCamera, image: np.ndarray = LIT) -> HandArray:
    """Send images until one that was sent with camera_info is answered; the answer."""
    received = client.collect(HandArray, "/handos/hands")
    client.until(lambda: [m for m in received if m.intrinsics != 0], lambda: camera.send(image))
    return received[-1]


def test_hand_array_carries_the_stamp_and_frame_of_its_image(client: Client) -> None:
    camera = TestCamera(client)
    received = client.collect(HandArray, "/handos/hands")
    sent: list[tuple[int, int]] = []
    client.until(lambda: len(received) >= 5, lambda: sent.append(stamp_of(camera.send())))
    assert {stamp_of(message) for message in received} <= set(sent)
    assert {message.header.frame_id for message in received} == {FRAME_ID}


def test_hand_array_says_what_the_pipeline_says(client: Client, weights: Path) -> None:
    message = hands_in_answer_to(client, TestCamera(client))
    expected = HandPipeline.load(weights)(LIT, CAMERA)
    assert [hand.handedness for hand in message.hands] == [Hand.HANDEDNESS_RIGHT, Hand.HANDEDNESS_LEFT]
    for got, hand in zip(message.hands, expected, strict=True):
        assert hand.joints_3d is not None
        assert hand.vertices is not None
        np.testing.assert_allclose(got.box, hand.box)
        np.testing.assert_allclose(np.reshape(got.joints_2d, (21, 2)), hand.joints_2d, atol=1e-2)
        np.testing.assert_allclose(np.reshape(got.joints_3d, (21, 3)), hand.joints_3d, atol=1e-5)
        np.testing.assert_allclose(np.reshape(got.vertices, (-1, 3)), hand.vertices, atol=1e-5)
    assert message.topology_id == TOPOLOGY.id
    assert message.intrinsics == HandArray.INTRINSICS_CALIBRATED
    np.testing.assert_allclose(message.k, [400, 0, 158, 0, 410, 121, 0, 0, 1])


def test_latency_stamps_are_in_order(client: Client) -> None:
    message = hands_in_answer_to(client, TestCamera(client))
    stamps = [message.header.stamp, message.received, message.started, message.finished]
    times = [stamp.sec + stamp.nanosec / 1e9 for stamp in stamps]
    assert times == sorted(times)


def test_image_without_hands_is_answered_with_coasting_hands_and_then_none(client: Client) -> None:
    camera = TestCamera(client)
    received = client.collect(HandArray, "/handos/hands")
    client.until(lambda: len(received) > 5 and len(received[-1].hands) == 2, camera.send)
    received.clear()
    client.until(lambda: received and received[-1].hands == [], lambda: camera.send(np.zeros_like(LIT)))
    states = [{hand.state for hand in message.hands} for message in received]
    assert {Hand.STATE_COASTING} in states


def test_late_subscriber_still_gets_the_topology(client: Client) -> None:
    received = client.collect(HandTopology, "/handos/topology", LATCHED_QOS)
    client.until(lambda: received)
    (message,) = received
    assert message.id == TOPOLOGY.id
    assert list(message.joint_names) == list(TOPOLOGY.joint_names)
    np.testing.assert_array_equal(np.reshape(message.faces_right, (-1, 3)), TOPOLOGY.faces_right)
    np.testing.assert_array_equal(np.reshape(message.faces_left, (-1, 3)), TOPOLOGY.faces_left)


def test_markers_show_every_hand_and_are_deleted_when_it_leaves(client: Client) -> None:
    camera = TestCamera(client)
    received = client.collect(MarkerArray, "/handos/markers")

    def markers(action: int) -> set[tuple[str, int]]:
        return {(m.ns, m.id) for message in received for m in message.markers if m.action == action}

    client.until(lambda: len({ns for ns, _ in markers(Marker.ADD)}) == 4, camera.send)
    mesh = next(m for message in received for m in message.markers if m.ns == "mesh")
    assert len(mesh.points) == 3 * len(TOPOLOGY.faces_right)
    assert mesh.header.frame_id == FRAME_ID
    client.until(lambda: markers(Marker.DELETE) >= markers(Marker.ADD), lambda: camera.send(np.zeros_like(LIT)))


def test_wrists_of_hands_that_are_tracked_are_published_as_poses_of_their_image(client: Client) -> None:
    camera = TestCamera(client)
    arrays = client.collect(HandArray, "/handos/hands")
    poses = {side: client.collect(PoseStamped, f"/handos/{side}/wrist") for side in ("left", "right")}
    client.until(lambda: all(len(received) > 3 for received in poses.values()), camera.send)
    client.until(lambda: arrays and not arrays[-1].hands, lambda: camera.send(np.zeros_like(LIT)))
    sides = {Hand.HANDEDNESS_LEFT: "left", Hand.HANDEDNESS_RIGHT: "right"}
    hands = {(stamp_of(a), sides[hand.handedness]): hand for a in arrays for hand in a.hands}
    assert {hand.state for hand in hands.values()} >= {Hand.STATE_TRACKED, Hand.STATE_COASTING}
    for side, received in poses.items():
        for pose in received:
            hand = hands[stamp_of(pose), side]
            assert hand.state == Hand.STATE_TRACKED
            assert pose.pose == hand.wrist_pose
            assert pose.header.frame_id == FRAME_ID
