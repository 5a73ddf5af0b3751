"""Spinning outlives errors in callbacks."""

import node_process  # noqa: F401  # its domain, apart from other programs
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from handos_ros.spinning import StopRequest, spin_until


def test_an_error_in_a_callback_is_counted_and_survived() -> None:
    context = Context()
    rclpy.init(context=context)
    node = Node("clumsy", context=context)
    errors: list[str] = []
    calls = 0

    def fail_twice_then_end() -> None:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise RuntimeError("broken")
        context.shutdown()

    node.create_timer(0.01, fail_twice_then_end)
    spin_until(StopRequest(), node, errors.append)
    assert errors == ["RuntimeError: broken"] * 2
    assert calls == 3
