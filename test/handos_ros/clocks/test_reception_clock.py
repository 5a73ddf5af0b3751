"""When messages are received, by simulated time that starts, stops and goes back."""

from typing import Any

import pytest

from handos_ros.clocks import reception_clock
from handos_ros.clocks.reception_clock import ReceptionClock

Read = list[float | None]
"""What /clock says, in seconds; ``None``: there is no simulated time."""


def read_all(monkeypatch: pytest.MonkeyPatch, simulated: Read, steady: list[float]) -> list[float]:
    """Seconds read at these times; the clock is made at the first."""
    times = iter([None if seconds is None else round(seconds * 1e9) for seconds in simulated])
    monotonic = iter(steady)
    node: Any = None
    monkeypatch.setattr(reception_clock, "simulated_nanoseconds", lambda _: next(times))
    monkeypatch.setattr("handos_ros.clocks.reception_clock.time.monotonic", lambda: next(monotonic))
    clock = ReceptionClock(node)
    return [clock.now() for _ in simulated[1:]]


def test_without_simulated_time_it_is_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_all(monkeypatch, [None] * 3, [50.0, 50.5, 52.0]) == [0.5, 2.0]


def test_simulated_time_may_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_all(monkeypatch, [7.0, 7.5, 7.5, 8.0], []) == [0.5, 0.5, 1.0]


def test_when_a_bag_starts_again_time_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_all(monkeypatch, [900.0, 901.0, 3.0, 3.5], []) == [1.0, 1.0, 1.5]


def test_it_never_goes_back_when_simulated_time_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_all(monkeypatch, [0, 0, 10.0, 10.5], [15000.0, 15001.0]) == [1.0, 1.0, 1.5]
