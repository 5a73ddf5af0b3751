"""Stamps that cannot be believed, over DDS: they are published as they are, and nothing is computed from them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from node_process import FRAME_ID, LIT, Client, RosProcess, TestCamera, running_node, stamp_of
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header

from handos_ros.msg import Hand, HandArray

DARK = np.zeros_like(LIT)
"""Image in which the fixed answer's network sees no hands."""
SECOND = 10**9
COAST_TIME = 0.3
"""Seconds, the parameter's default."""


STRANGE_STAMPS: dict[str, tuple[Callable[[int], int], str]] = {
    "zero": (lambda k: 0, "are zero"),
    "negative": (lambda k: -100 * SECOND + k * SECOND // 20, "are negative"),
    "standing_still": (lambda k: 1_000 * SECOND, "do not advance from"),
    "going_back": (lambda k: time.time_ns() - k * 5 * SECOND, "went back"),
    "jumping_ahead": (lambda k: time.time_ns() + k * 5 * SECOND, "do not advance as time does"),
    "other_clock": (lambda k: time.time_ns() - 1_000_000 * SECOND, "are of another clock"),
}
"""Cameras by name: nanoseconds of the stamp of image k, and what the node says of them."""
CAMERAS = [*STRANGE_STAMPS, "late", "new_hand"]


@pytest.fixture(scope="module")
def node(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosProcess]:
    log = tmp_path_factory.mktemp("node") / "log.txt"
    with running_node(weights, "-p", f"cameras:=[{','.join(CAMERAS)}]", log=log) as process:
        yield process
        assert process.stop() == 0


def connect(client: Client, name: str) -> tuple[TestCamera, list[HandArray]]:
    """The camera of this name, and what the node publishes about it from now on."""
    camera = TestCamera(client, f"/{name}/image")
    received: list[HandArray] = client.collect(HandArray, f"/handos/{name}/hands")
    client.until(lambda: received, lambda: camera.send(DARK))
    client.spin(0.2)
    received.clear()
    return camera, received


def header_at(nanoseconds: int) -> Header:
    sec, nanosec = divmod(nanoseconds, SECOND)
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=FRAME_ID)


def camera_status(client: Client, name: str) -> DiagnosticStatus:
    statuses: list[DiagnosticArray] = client.collect(DiagnosticArray, "/diagnostics")
    client.until(lambda: statuses)
    return next(status for status in statuses[-1].status if status.name == f"handos: camera {name}")


@pytest.mark.parametrize("name", STRANGE_STAMPS)
def test_strange_stamps_are_published_untouched_and_hands_keep_their_ids_until_they_leave(
    name: str, node: RosProcess, client: Client
) -> None:
    camera, received = connect(client, name)
    stamp_at, complaint = STRANGE_STAMPS[name]
    sent = []

    def send(image: np.ndarray, first: int, count: int) -> None:
        for k in range(first, first + count):
            sent.append(header_at(stamp_at(k)))
            camera.send_with(sent[-1], image, None)
            client.spin(0.05)

    send(LIT, 1, 10)
    assert len(received) >= 5
    assert {tuple(hand.id for hand in message.hands) for message in received} == {(1, 2)}
    left = time.monotonic()
    send(DARK, 11, 10)
    assert time.monotonic() - left > COAST_TIME
    assert not received[-1].hands
    assert {stamp_of(message) for message in received} <= {stamp_of(header) for header in sent}
    status = camera_status(client, name)
    assert status.level == DiagnosticStatus.WARN
    assert complaint in status.message
    assert node.log.count(f"/{name}/image {complaint}") == 1


def test_late_images_are_dropped_and_counted_and_cost_no_id(node: RosProcess, client: Client) -> None:
    camera, received = connect(client, "late")
    late = []
    for k in range(20):
        if k % 5 == 4:
            late.append(header_at(time.time_ns() - SECOND // 4))
            camera.send_with(late[-1], LIT, None)
        camera.send()
        client.spin(0.05)
    assert {stamp_of(header) for header in late}.isdisjoint(stamp_of(message) for message in received)
    assert {tuple(hand.id for hand in message.hands) for message in received} == {(1, 2)}
    values = {value.key: value.value for value in camera_status(client, "late").values}
    assert values["frames late"] == str(len(late))
    assert received[-1].dropped >= len(late)


def test_a_new_hand_is_tentative_and_may_be_withheld(node: RosProcess, client: Client) -> None:
    camera, received = connect(client, "new_hand")
    for count in range(1, 5):
        header = camera.send()
        client.until(lambda header=header: received and stamp_of(received[-1]) == stamp_of(header))
        assert len(received) == count
    states = [message.hands[0].state for message in received]
    assert states == [Hand.STATE_TENTATIVE, Hand.STATE_TENTATIVE, Hand.STATE_TRACKED, Hand.STATE_TRACKED]
    assert client.set_parameter("publish_tentative", False).successful
    camera.send(DARK)
    client.spin(0.5)
    received.clear()
    for image in (DARK, LIT, LIT, LIT):
        header = camera.send(image)
        client.until(lambda header=header: received and stamp_of(received[-1]) == stamp_of(header))
    assert client.set_parameter("publish_tentative", True).successful
    assert [len(message.hands) for message in received] == [0, 0, 0, 2]


def test_without_clock_diagnostics_tell_what_is_missing_and_sigint_ends_the_node(
    weights: Path, tmp_path: Path, client: Client
) -> None:
    with running_node(weights, "-p", "use_sim_time:=true", "-r", "__node:=timeless", log=tmp_path / "log.txt") as node:
        statuses: list[DiagnosticArray] = client.collect(DiagnosticArray, "/diagnostics")
        client.until(lambda: any("/clock" in status.message for array in statuses for status in array.status))
        assert "/clock" in node.log
        camera = TestCamera(client)
        received = client.collect(HandArray, "/timeless/hands")
        client.until(lambda: received and received[-1].hands, camera.send)
        assert node.stop() == 0


def test_when_a_bag_starts_again_hands_that_left_are_gone_as_ever(
    weights: Path, tmp_path: Path, client: Client
) -> None:
    names = ("-r", "__node:=replayed", "-r", "image:=/replayed/image", "-r", "/clock:=/replayed/clock")
    with running_node(weights, "-p", "use_sim_time:=true", *names, log=tmp_path / "log.txt"):
        camera = TestCamera(client, "/replayed/image")
        clock = client.node.create_publisher(Clock, "/replayed/clock", 10)
        received: list[HandArray] = client.collect(HandArray, "/replayed/hands")
        began = time.monotonic()

        def play(image: np.ndarray, start: float) -> None:
            now = header_at(round((start + time.monotonic() - began) * SECOND))
            clock.publish(Clock(clock=now.stamp))
            camera.send_with(now, image, None)

        client.until(lambda: received and received[-1].received.sec >= 900, lambda: play(LIT, 900))
        client.until(lambda: [h for h in received[-1].hands if h.state == Hand.STATE_TRACKED], lambda: play(LIT, 900))
        received.clear()
        client.until(lambda: received and not received[-1].hands, lambda: play(DARK, 5))
        assert all(0 <= hand.score <= 1 for message in received for hand in message.hands)
