"""When the images of HandArrays were taken, whatever their stamps and their delays are."""

import itertools

import pytest
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from handos_ros.msg import HandArray
from handos_ros.retarget.hands_clock import HandsClock, HandsTime

START = 1_700_000_000.0


def stamp(seconds: float) -> Time:
    sec, nanosec = divmod(round(seconds * 1e9), 10**9)
    return Time(sec=sec, nanosec=nanosec)


class Camera:
    """Sends hands to a clock."""

    def __init__(self) -> None:
        self.clock = HandsClock()

    def read(self, taken: float | None, received: float | None, arrived: float, max_latency: float = 1.0) -> HandsTime:
        """Seconds since the start; ``None``: a stamp of zero."""
        message = HandArray(
            header=Header(stamp=Time() if taken is None else stamp(START + taken)),
            received=Time() if received is None else stamp(START + received),
        )
        return self.clock.read(message, 77.0 + arrived, round((START + arrived) * 1e9), max_latency)

    def intervals(self, images: list[tuple[float | None, float | None, float]]) -> list[float]:
        """Seconds between images, each taken, received and arrived at some time."""
        times = [self.read(*image).taken for image in images]
        return [after - before for before, after in itertools.pairwise(times)]


def test_images_of_a_burst_are_as_far_apart_as_they_were_taken() -> None:
    images = [(0.0, 0.05, 0.1), (0.1, 0.4, 0.45), (0.2, 0.41, 0.46), (0.3, 0.42, 0.47)]
    assert Camera().intervals(images) == pytest.approx([0.1, 0.1, 0.1], abs=1e-5)


def test_without_stamps_the_reception_by_the_node_handos_counts() -> None:
    images = [(None, 0.05, 0.1), (None, 0.15, 0.45), (None, 0.25, 0.46)]
    assert Camera().intervals(images) == pytest.approx([0.1, 0.1], abs=1e-5)


def test_without_any_stamps_the_arrival_counts() -> None:
    assert Camera().intervals([(None, None, 0.1), (None, None, 0.2), (None, None, 0.4)]) == pytest.approx(
        [0.1, 0.2], abs=1e-5
    )


def test_stamps_of_a_clock_that_is_set_are_measured_by_reception() -> None:
    images = [(0.0, 0.05, 0.1), (500.0, 0.15, 0.2), (500.1, 0.25, 0.3), (7.0, 0.35, 0.4)]
    assert Camera().intervals(images) == pytest.approx([0.1, 0.1, 0.1], abs=1e-5)


def test_stamps_that_stand_still_are_refused() -> None:
    camera = Camera()
    assert camera.read(0.0, 0.05, 0.1).refusal == ""
    assert "do not advance" in camera.read(0.0, 0.15, 0.2).refusal
    assert camera.read(0.2, 0.25, 0.3).refusal == ""


def test_the_same_message_again_is_refused_even_without_stamps() -> None:
    camera = Camera()
    assert camera.read(None, 0.05, 0.1).refusal == ""
    assert "same" in camera.read(None, 0.05, 0.2).refusal


def test_hands_that_come_after_newer_ones_are_refused() -> None:
    camera = Camera()
    camera.read(0.2, 0.25, 0.3)
    assert "newer" in camera.read(0.1, 0.26, 0.31).refusal


def test_old_hands_are_refused() -> None:
    assert "max_latency" in Camera().read(0.0, 0.05, 0.3, max_latency=0.2).refusal


def test_clocks_that_differ_are_warned_of() -> None:
    time = Camera().read(0.0, -3600.0, 0.1)
    assert time.refusal == ""
    assert "synchronise" in time.warning
    assert "received" in Camera().read(0.0, None, 0.1).warning
