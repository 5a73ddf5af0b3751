"""What /diagnostics says about cameras and nodes, and when it warns."""

from dataclasses import replace

import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from handos_ros.diagnostics.counters import CameraCounters, ErrorCounters
from handos_ros.diagnostics.statuses import CameraCondition, camera_status, node_status

BACKEND = {"backend": "ONNX Runtime"}


def status_of(
    silent_for: float = 0.1, slow_for: float = 0.0, latencies: tuple[float, ...] = (5, 6, 7)
) -> DiagnosticStatus:
    counters = CameraCounters(received=10, lost=1, replaced=2, too_old=1, published=7, hands=2)
    counters.latencies.extend(latencies)
    return camera_status(CameraCondition("", "/image", counters, silent_for, latency_limit=50.0, slow_for=slow_for))


def test_diagnostics_tell_the_counts_of_a_camera() -> None:
    status = status_of()
    values = {value.key: value.value for value in status.values}
    assert status.level == DiagnosticStatus.OK
    assert values["frames in"] == "10"
    assert values["frames out"] == "7"
    assert values["frames lost on the way"] == "1"
    assert values["frames dropped"] == "3"
    assert values["latency p50 [ms]"] == "6.0"
    assert values["hands now"] == "2"


@pytest.mark.parametrize(
    ("status", "level", "message"),
    [
        (status_of(silent_for=3), DiagnosticStatus.WARN, "no image on /image for 3 s"),
        (status_of(silent_for=30), DiagnosticStatus.ERROR, "no image on /image for 30 s"),
        (status_of(slow_for=1, latencies=(80,)), DiagnosticStatus.WARN, "latency 80.0 ms"),
        (status_of(slow_for=11, latencies=(80,)), DiagnosticStatus.ERROR, "over the limit of 50 ms"),
    ],
)
def test_diagnostics_warn_and_turn_to_errors_when_it_persists(
    status: DiagnosticStatus, level: bytes, message: str
) -> None:
    assert status.level == level
    assert message in status.message


def test_silence_is_no_fault_while_nobody_listens() -> None:
    condition = CameraCondition("", "/image", CameraCounters(received=10), 30.0, latency_limit=50.0, slow_for=0.0)
    assert camera_status(condition).level == DiagnosticStatus.ERROR
    paused = camera_status(replace(condition, is_paused=True))
    assert paused.level == DiagnosticStatus.OK
    assert paused.message.startswith("paused")


def test_a_missing_transform_is_a_warning_until_the_next_image_has_one_and_stays_counted() -> None:
    counters = CameraCounters(received=10, published=10)
    condition = CameraCondition("", "/image", counters, 0.1, latency_limit=50.0, slow_for=0.0)
    for problem in ("no transform from 'eye'", "no transform from 'eye'"):
        counters.transforms.add(problem)
    status = camera_status(condition)
    assert (status.level, status.message) == (DiagnosticStatus.WARN, "no transform from 'eye'")
    counters.transforms.add("")
    status = camera_status(condition)
    assert status.level == DiagnosticStatus.OK
    assert {value.key: value.value for value in status.values}["missing transforms"] == "2"


def test_time_over_the_latency_limit_counts_from_when_it_was_exceeded() -> None:
    counters = CameraCounters()
    assert counters.seconds_over(50.0, now=100.0) == 0
    counters.latencies.append(80.0)
    assert [counters.seconds_over(50.0, now) for now in (101.0, 104.0)] == [0, 3]
    assert counters.seconds_over(90.0, now=105.0) == 0
    assert counters.seconds_over(50.0, now=106.0) == 0


def test_an_error_shows_for_a_while_and_stays_counted() -> None:
    errors = ErrorCounters()
    errors.add("ValueError: something")
    assert errors.when is not None
    assert node_status("active", errors, errors.when + 1, BACKEND).level == DiagnosticStatus.ERROR
    later = node_status("active", errors, errors.when + 60, BACKEND)
    assert later.level == DiagnosticStatus.OK
    assert {value.key: value.value for value in later.values}["last error"] == "ValueError: something"
