"""Spinning that survives errors in callbacks and ends on a signal, between two callbacks."""

import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from handos_ros.camera_stream import WARNING_PERIOD


class StopRequest:
    """A request to end the node, which may come from another thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wake: Callable[[], None] = lambda: None

    @classmethod
    def on_signals(cls) -> "StopRequest":
        """A request that SIGINT or SIGTERM sets; a second signal ends the process at once. Call it in the main thread.

        rclpy's own handlers shut the context down at any moment. If another thread is publishing then, or the executor
        is about to wait, that raises or, rarely, crashes. Here the node ends between two callbacks.
        """
        stop = cls()
        received, sent = socket.socketpair()
        sent.setblocking(False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        # Python's handlers wait for the main thread, which waits in the executor; this byte arrives at once.
        signal.set_wakeup_fd(sent.fileno())
        threading.Thread(target=stop._listen, args=(received, sent), name="signals", daemon=True).start()
        return stop

    @property
    def is_set(self) -> bool:
        """Whether the request has been made."""
        return self._event.is_set()

    def on_set(self, wake: Callable[[], None]) -> None:
        """Call `wake` when the request is made."""
        self._wake = wake

    def _listen(self, received: socket.socket, _sent: socket.socket) -> None:
        received.recv(1)
        self._event.set()
        self._wake()
        os._exit(128 + received.recv(1)[0])


def spin_until(stop: StopRequest, node: Node, count: Callable[[str], None]) -> None:
    """Spin a node until `stop` is set; an error in a callback is logged and counted, and spinning goes on.

    Parameters
    ----------
    stop
        When to end.
    node
        Spun in this thread. It needs a timer on a steady clock: a woken executor waits on until a callback is ready.
    count
        Called with the message of every error.
    """
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    stop.on_set(executor.wake)
    while node.context.ok() and not stop.is_set:
        try:
            executor.spin_once()
        except Exception as error:  # whatever it was, the next callback may be better
            count(f"{type(error).__name__}: {error}")
            node.get_logger().error(
                f"an error in a callback, the node goes on:\n{traceback.format_exc()}",
                throttle_duration_sec=WARNING_PERIOD,
            )
    executor.remove_node(node)
    executor.shutdown()
