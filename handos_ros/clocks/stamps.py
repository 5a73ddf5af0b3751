"""Stamps of messages as numbers, and clocks that nobody sets."""

from typing import Final

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType, ROSClock  # type: ignore[attr-defined]  # where Humble has ClockType
from rclpy.node import Node

STEADY_CLOCK: Final = Clock(clock_type=ClockType.STEADY_TIME)
"""For timers: it runs without /clock, too, when use_sim_time is set."""


def nanoseconds(stamp: Time) -> int:
    """Nanoseconds of a stamp, whatever it is: rclpy's own Time refuses negative ones."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def simulated_nanoseconds(node: Node) -> int | None:
    """Time of /clock; 0 before its first message, ``None`` if use_sim_time is false."""
    clock = node.get_clock()
    if not isinstance(clock, ROSClock) or not clock.ros_time_is_active:
        return None
    return int(clock.now().nanoseconds)
