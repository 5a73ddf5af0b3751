"""Several cameras, and what is drawn about them, over DDS."""

from collections.abc import Iterator

import numpy as np
import pytest
from geometry_msgs.msg import PoseArray
from node_process import FRAME_ID, LIT, Client, RosProcess, TestCamera, running_node, stamp_of, write_weights
from sensor_msgs.msg import Image

from handos_ros.images.image_decoding import decode_image
from handos_ros.msg import HandArray


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosProcess]:
    folder = tmp_path_factory.mktemp("node")
    arguments = ["-p", "cameras:=[left, right]", "-r", "right/image:=/stereo/right/image_rect"]
    for topic in ("/left/image", "/stereo/right/image_rect"):
        # Only the node itself may skip images here.
        arguments += ["-p", f"qos_overrides.{topic}.subscription.reliability:=reliable"]
    with running_node(write_weights(folder), *arguments, log=folder / "log.txt") as process:
        yield process


@pytest.fixture(scope="module")
def client(node: RosProcess) -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def left(client: Client) -> TestCamera:
    return TestCamera(client, "/left/image")


@pytest.fixture(scope="module")
def right(client: Client) -> TestCamera:
    return TestCamera(client, "/stereo/right/image_rect")


def test_a_slow_camera_is_served_beside_a_fast_one(client: Client, left: TestCamera, right: TestCamera) -> None:
    of_left = client.collect(HandArray, "/handos/left/hands")
    of_right = client.collect(HandArray, "/handos/right/hands")
    client.until(lambda: of_left and of_right, lambda: (left.send(), right.send()))
    client.spin(0.5)
    of_left.clear()
    of_right.clear()
    sent_left, sent_right = [], []
    for k in range(150):
        sent_left.append(stamp_of(left.send()))
        if k % 15 == 0:
            sent_right.append(stamp_of(right.send()))
        client.spin(0.005)
    client.spin(0.5)
    assert {stamp_of(message) for message in of_left} <= set(sent_left)
    assert {stamp_of(message) for message in of_right} <= set(sent_right)
    assert len(of_right) >= 0.5 * len(sent_right)
    assert of_left[-1].intrinsics == of_right[-1].intrinsics == HandArray.INTRINSICS_CALIBRATED


def test_each_camera_has_its_own_overlay_and_fingertips(client: Client, left: TestCamera, right: TestCamera) -> None:
    overlays = client.collect(Image, "/handos/left/overlay")
    fingertips = client.collect(PoseArray, "/handos/right/fingertips")
    sent = []
    client.until(
        lambda: overlays and fingertips and fingertips[-1].poses,
        lambda: (sent.append(stamp_of(left.send())), right.send(), client.spin(0.05)),
    )
    assert {stamp_of(overlay.header) for overlay in overlays} <= set(sent)
    assert overlays[-1].header.frame_id == FRAME_ID
    drawn = decode_image(overlays[-1])
    assert drawn.shape == LIT.shape
    assert np.count_nonzero(drawn != LIT) > 100
    assert len(fingertips[-1].poses) == 10
