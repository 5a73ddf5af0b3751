"""Spinning that outlives errors in callbacks and ends on a signal, in the middle of nothing."""

import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from handos_ros.camera import WARNING_PERIOD


class Stop:
    """The wish that the node ends, which may come from another thread."""

    def __init__(self) -> None:
        self._requested = threading.Event()
        self._wake: Callable[[], None] = lambda: None

    @classmethod
    def on_signals(cls) -> "Stop":
        """Wish it on SIGINT and SIGTERM; a second signal ends the process at once. To be called in the main thread.

        rclpy's own handlers shut the context down at any moment, also while another thread publishes or the executor
        gets ready to wait: an exception then, and rarely a crash. Here the node ends between two callbacks.
        """
        stop = cls()
        received, sent = socket.socketpair()
        sent.setblocking(False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        # Python's handlers wait for the main thread, which waits in the executor; the byte comes at once.
        signal.set_wakeup_fd(sent.fileno())
        threading.Thread(target=stop._listen, args=(received, sent), name="signals", daemon=True).start()
        return stop

    @property
    def requested(self) -> bool:
        """Whether it has come."""
        return self._requested.is_set()

    def wakes(self, wake: Callable[[], None]) -> None:
        """Call `wake` when it comes."""
        self._wake = wake

    def _listen(self, received: socket.socket, _sent: socket.socket) -> None:
        received.recv(1)
        self._requested.set()
        self._wake()
        os._exit(128 + received.recv(1)[0])


def spin_on(node: Node, stop: Stop, count: Callable[[str], None]) -> None:
    """Spin until it is to stop; an error in a callback is logged and counted, and spinning goes on.

    Parameters
    ----------
    node
        To be spun in this thread.
    stop
        Knows when.
    count
        Called with every error in words.
    """
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    stop.wakes(executor.wake)
    while node.context.ok() and not stop.requested:
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
