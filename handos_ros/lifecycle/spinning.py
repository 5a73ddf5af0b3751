"""Spinning that survives errors in callbacks and ends on a signal, between two callbacks."""

import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from handos_ros.diagnostics.node_log import WARNING_PERIOD

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""Signals that end a program."""
SAME_REQUEST: Final = 1.0
"""Seconds in which further signals mean the same request: Ctrl-C reaches a node from its terminal and from ros2 launch,
which may add a SIGTERM."""


class StopRequest:
    """A request to end the program, which may come from another thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wake: Callable[[], None] = lambda: None

    @classmethod
    def on_signals(cls) -> "StopRequest":
        """A request that SIGINT or SIGTERM sets. Call it in the main thread.

        A signal that comes clearly later, because the program hangs, ends it at once.

        rclpy's own handlers shut the context down at any moment. If another thread is publishing then, or the executor
        is about to wait, that raises or, rarely, crashes. Here the node ends between two callbacks.
        """
        stop = cls()
        received, sent = socket.socketpair()
        sent.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        # Python's handlers wait for the main thread, which waits in the executor; this byte arrives at once.
        signal.set_wakeup_fd(sent.fileno())
        threading.Thread(target=stop._listen, args=(received, sent), name="signals", daemon=True).start()
        return stop

    @property
    def is_set(self) -> bool:
        """Whether the request has been made."""
        return self._event.is_set()

    def set(self) -> None:
        """Make the request."""
        self._event.set()
        self._wake()

    def wait(self, seconds: float) -> bool:
        """Wait this long, or until the request is made; return whether it is."""
        return self._event.wait(seconds)

    def on_set(self, wake: Callable[[], None]) -> None:
        """Call `wake` when the request is made."""
        self._wake = wake

    def _listen(self, received: socket.socket, _sent: socket.socket) -> None:
        received.recv(1)
        first = time.monotonic()
        self.set()
        while True:
            number = received.recv(1)[0]
            if time.monotonic() - first > SAME_REQUEST:
                os._exit(128 + number)


def ignore_signals() -> None:
    """Ignore further signals: Python's own end restores their defaults, and a second one would kill it there."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def spin_until(stop: StopRequest, node: Node, count: Callable[[str], None] = lambda error: None) -> None:
    """Spin a node until `stop` is set; an error in a callback is logged and counted, and spinning goes on.

    Parameters
    ----------
    stop
        When to end.
    node
        Spun in this thread.
    count
        Called with the message of every error.
    """
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    # Waking the executor is not enough: it waits on until a callback is ready.
    wake = node.create_guard_condition(lambda: None)
    stop.on_set(wake.trigger)
    while node.context.ok() and not stop.is_set:
        try:
            executor.spin_once()
        except Exception as error:  # whatever it was, the next callback may be better
            count(f"{type(error).__name__}: {error}")
            node.get_logger().error(
                f"an error in a callback, the node goes on:\n{traceback.format_exc()}",
                throttle_duration_sec=WARNING_PERIOD,
            )
    stop.on_set(lambda: None)
    executor.remove_node(node)
    executor.shutdown()
