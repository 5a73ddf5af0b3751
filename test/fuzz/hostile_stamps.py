"""Stamps of images, from normal to hostile."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from builtin_interfaces.msg import Time

SECOND: Final = 10**9
LARGEST: Final = Time(sec=2**31 - 1, nanosec=2**32 - 1)
SMALLEST: Final = Time(sec=-(2**31), nanosec=0)
HABITS: Final = (
    "now",
    "now",
    "now",
    "zero",
    "negative",
    "repeated",
    "swapped",
    "late",
    "jumping",
    "future",
    "any",
    "edge",
)
"""What cameras do to their stamps."""


def stamps(habit: str, clock: Callable[[], int], rng: np.random.Generator) -> Iterator[Time]:
    """Stamps of a camera with one of `HABITS` and a clock in nanoseconds, each of the time at which it is asked for."""
    start, number = clock(), 0
    while True:
        number += 1
        yield _stamp(habit, start, clock(), number, rng)


def _stamp(habit: str, start: int, now: int, number: int, rng: np.random.Generator) -> Time:
    if habit == "zero":
        return Time()
    if habit == "negative":
        return stamp_of(-100 * SECOND + now - start)
    if habit == "repeated":
        return stamp_of(start + number // 4 * SECOND // 10)
    if habit == "swapped":
        return stamp_of(now + (SECOND // 20 if number % 2 else -SECOND // 20))
    if habit == "late":
        return stamp_of(now - int(rng.integers(0, 2 * SECOND)))
    if habit == "jumping":
        return stamp_of(now + int(rng.normal(0, 10.0 ** rng.integers(0, 8)) * SECOND))
    if habit == "future":
        return stamp_of(now + 10**8 * SECOND)
    if habit == "any":
        return Time(sec=int(rng.integers(-(2**31), 2**31)), nanosec=int(rng.integers(2**32)))
    if habit == "edge":
        return (LARGEST, SMALLEST, Time(sec=0, nanosec=1), Time(sec=-1, nanosec=2**32 - 1))[rng.integers(4)]
    return stamp_of(now)


def stamp_of(nanoseconds: int) -> Time:
    """A stamp, clipped to those that exist."""
    sec, nanosec = divmod(nanoseconds, SECOND)
    return Time(sec=min(max(sec, -(2**31)), 2**31 - 1), nanosec=nanosec)
