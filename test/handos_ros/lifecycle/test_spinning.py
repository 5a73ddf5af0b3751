"""Spinning outlives errors in callbacks and ends when it is told to."""

import threading

import node_process  # its domain, apart from other programs
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from handos_ros.lifecycle.spinning import StopRequest, spin_until


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


def test_a_node_without_anything_to_do_ends_when_it_is_told_to() -> None:
    context = Context()
    rclpy.init(context=context)
    node = Node("idle", context=context)
    stop = told_after(0.2)
    spinning = threading.Thread(target=spin_until, args=(stop, node), daemon=True)
    spinning.start()
    spinning.join(node_process.PATIENCE)
    assert not spinning.is_alive()
    rclpy.shutdown(context=context)


def told_after(seconds: float) -> StopRequest:
    """A request that another thread makes, as a signal would."""
    stop = StopRequest()
    threading.Timer(seconds, stop.set).start()
    return stop
