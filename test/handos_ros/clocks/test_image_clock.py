"""When images were taken, whatever their stamps say."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handos_ros.clocks.image_clock import ImageClock, ImageTime, StampProblem

START = 1_700_000_000 * 10**9
FRAME = 33_000_000
"""Nanoseconds between two images."""


def read_all(stamps: list[int], received: list[float] | None = None) -> list[ImageTime | None]:
    """Times of images with these stamps that arrive at 30 Hz, or as given."""
    clock = ImageClock()
    received = [100 + k * FRAME / 1e9 for k in range(len(stamps))] if received is None else received
    return [clock.read(stamp, at, START + round(at * 1e9)) for stamp, at in zip(stamps, received, strict=True)]


def steps(times: list[ImageTime | None]) -> list[float]:
    seconds = [time.seconds for time in times if time is not None]
    return [round(after - before, 4) for before, after in pairwise(seconds)]


def problems(times: list[ImageTime | None]) -> list[StampProblem | None]:
    return [None if time is None else time.problem for time in times]


def good_stamps(count: int) -> list[int]:
    return [START + 100 * 10**9 + k * FRAME for k in range(count)]


def test_good_stamps_are_used_though_images_arrive_irregularly() -> None:
    times = read_all(good_stamps(5), [100.0, 100.05, 100.3, 100.301, 100.302])
    assert steps(times) == [0.033] * 4
    assert problems(times) == [None] * 5
    assert [time.age for time in times if time is not None] == pytest.approx([0, 0.017, 0.234, 0.202, 0.17])


@pytest.mark.parametrize(
    ("stamp", "problem"),
    [(0, StampProblem.NOT_SET), (-5 * 10**9, StampProblem.NEGATIVE), (START, StampProblem.STANDING_STILL)],
)
def test_stamps_that_say_nothing_are_replaced_by_the_time_of_reception(stamp: int, problem: StampProblem) -> None:
    times = read_all([stamp] * 5)
    assert steps(times) == [0.033] * 4
    assert problems(times)[1:] == [problem] * 4


def test_a_single_zero_stamp_among_good_ones_changes_no_interval() -> None:
    stamps = good_stamps(6)
    stamps[3] = 0
    times = read_all(stamps)
    assert steps(times) == [0.033] * 5
    assert problems(times) == [None, None, None, StampProblem.NOT_SET, None, None]


def test_stamps_in_whole_seconds_keep_time_with_reception() -> None:
    times = read_all([stamp // 10**9 * 10**9 for stamp in good_stamps(60)])
    total = sum(steps(times))
    assert total == pytest.approx(59 * 0.033, abs=1.0)
    assert min(steps(times)) >= 0


@pytest.mark.parametrize("late_by", [10**6, 40 * 10**6, 900 * 10**6])
def test_an_image_that_was_overtaken_is_late_and_the_next_is_not(late_by: int) -> None:
    stamps = good_stamps(5)
    stamps[3] = stamps[2] - late_by
    times = read_all(stamps)
    assert times[3] is None
    assert steps(times) == [0.033, 0.033, 0.066]


@pytest.mark.parametrize("jump", [-3600, -2, 5, 10**6])
def test_a_clock_that_is_set_costs_no_image_and_no_interval(jump: int) -> None:
    stamps = good_stamps(6)
    stamps[3:] = [stamp + jump * 10**9 for stamp in stamps[3:]]
    times = read_all(stamps)
    assert steps(times) == [0.033] * 5
    assert problems(times)[3] == (StampProblem.SET_BACK if jump < 0 else StampProblem.JUMPING)


def test_a_clock_that_is_set_back_a_little_is_believed_after_a_fifth_of_a_second() -> None:
    stamps = good_stamps(100)
    stamps[50:] = [stamp - 990 * 10**6 for stamp in stamps[50:]]
    assert sum(time is None for time in read_all(stamps)) <= 6
    standing = read_all([*good_stamps(2), *[good_stamps(1)[0]] * 60])
    assert sum(time is None for time in standing) <= 6


def test_stamps_that_always_go_back_a_little_cost_no_more_than_a_fifth_of_a_second_at_a_time() -> None:
    times = read_all([stamp - 34_000_000 * k for k, stamp in enumerate(good_stamps(90))])
    gaps = [k for k, time in enumerate(times) if time is not None]
    assert max(after - before for before, after in pairwise(gaps)) <= 7
    assert StampProblem.SET_BACK in problems(times)


def test_stamps_of_another_clock_tell_intervals_but_no_age() -> None:
    times = read_all([stamp - START for stamp in good_stamps(4)])
    assert steps(times) == [0.033] * 3
    assert set(problems(times)) == {StampProblem.OTHER_CLOCK}
    assert {time.age for time in times if time is not None} == {0.0}


stamps_of_any_kind = st.lists(
    st.one_of(
        st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1),
        st.integers(START, START + 10**10),
        st.sampled_from([0, 1, -1, START, START + 1]),
    ),
    max_size=30,
)


@given(stamps_of_any_kind, st.lists(st.floats(0, 1e9), min_size=30, max_size=30))
def test_time_never_goes_back_and_never_runs_far_ahead_of_reception(stamps: list[int], waits: list[float]) -> None:
    received = [sum(waits[: k + 1]) for k in range(len(stamps))]
    times = [time for time in read_all(stamps, received) if time is not None]
    for before, after in pairwise(times):
        assert after.seconds >= before.seconds
        assert 0 <= after.age <= 60
    if times:
        assert times[-1].seconds - times[0].seconds <= (times[-1].received - times[0].received) * 1.01 + len(times) + 1
