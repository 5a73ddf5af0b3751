"""Images that were black, turned or too large without a word, over DDS."""

import array
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from node_process import CAMERA, FRAME_ID, LIT, RELIABLE, Client, TestCamera, running_node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from handos_ros.msg import HandArray

TWELVE_BITS = np.full((240, 320), 200, "<u2")
"""Its centre, and the hands there, are black if 16 bits are assumed."""
TWELVE_BITS[0, 0] = 4095


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def test_a_camera_of_twelve_bits_shows_the_hands_of_one_of_eight(weights: Path, tmp_path: Path, client: Client) -> None:
    with running_node(weights, "-p", "smoothing:=false", log=tmp_path / "log.txt") as node:
        camera = TestCamera(client)
        received = client.collect(HandArray, "/handos/hands")

        def send_twelve_bits() -> None:
            message = Image(header=camera.header(), encoding="mono16", width=320, height=240, step=640)
            message.data = array.array("B", TWELVE_BITS.tobytes())
            camera.images.publish(message)

        client.until(lambda: received and received[-1].hands, send_twelve_bits)
        joints = received[-1].hands[0].joints_2d
        received.clear()
        client.until(lambda: received and received[-1].hands, lambda: camera.send(LIT, None))
        np.testing.assert_array_equal(received[-1].hands[0].joints_2d, joints)
        assert "12 of 16 bits" in node.log
        assert "signal_bits" in node.log


def test_diagnostics_tell_a_black_camera_from_one_that_sees_no_hands(
    weights: Path, tmp_path: Path, client: Client
) -> None:
    with running_node(weights, log=tmp_path / "log.txt"):
        camera = TestCamera(client)
        statuses: list[DiagnosticArray] = client.collect(DiagnosticArray, "/diagnostics")

        def problem() -> DiagnosticStatus | None:
            of_camera = [status for message in statuses[-1:] for status in message.status if "camera" in status.name]
            return next((status for status in of_camera if "almost black" in status.message), None)

        client.until(problem, lambda: camera.send(np.zeros_like(LIT)))
        found = problem()
        assert found is not None
        assert found.level == DiagnosticStatus.WARN
        values = {value.key: value.value for value in found.values}
        assert "almost black" in values["image"]
        assert values["image level [0..255]"] == "0"


def test_a_compressed_image_that_would_fill_the_memory_costs_only_itself(
    weights: Path, tmp_path: Path, client: Client
) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(3751) * 30_000)
    png = b"\x89PNG\r\n\x1a\n"
    for chunk in (header, b"IDAT" + rows, b"IEND"):
        png += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with running_node(weights, "-p", "image_transport:=compressed", log=tmp_path / "log.txt") as node:
        images = client.node.create_publisher(CompressedImage, "/image/compressed", RELIABLE)
        received = client.collect(HandArray, "/handos/hands")

        def send(data: bytes) -> None:
            images.publish(CompressedImage(header=Header(frame_id=FRAME_ID), format="png", data=data))

        client.until(lambda: "30000 x 30000" in node.log, lambda: send(png))
        client.until(lambda: received, lambda: send(b"P6 64 64 255 " + bytes([90]) * 64 * 64 * 3))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"width": 160}, "160 x 240 pixels, the image 320 x 240"),
        ({"encoding": "rgb8"}, "'rgb8' is not supported"),
        ({"data": array.array("B", bytes(1000))}, "incomplete"),
    ],
    ids=["of another size", "of another encoding", "truncated"],
)
def test_unusable_depth_is_reported_and_leaves_hands_where_the_image_puts_them(
    change: dict[str, object], complaint: str, weights: Path, tmp_path: Path, client: Client
) -> None:
    with running_node(weights, "-p", "depth:=true", log=tmp_path / "log.txt") as node:
        camera = TestCamera(client)
        depths = client.node.create_publisher(Image, "/depth", RELIABLE)
        received = client.collect(HandArray, "/handos/hands")

        def send() -> None:
            header = camera.header()
            depth = Image(header=header, encoding="16UC1", width=320, height=240, step=640)
            depth.data = array.array("B", np.full((240, 320), 700, "<u2").tobytes())
            for name, value in change.items():
                setattr(depth, name, value)
            depths.publish(depth)
            camera.send_with(header, LIT, CAMERA)

        client.until(lambda: "depth is not used" in node.log and complaint in node.log, send)
        received.clear()
        client.until(lambda: received and received[-1].hands, send)
        assert all(np.isnan(hand.depth_residual) for hand in received[-1].hands)
        assert all(len(hand.joints_3d) for hand in received[-1].hands)
