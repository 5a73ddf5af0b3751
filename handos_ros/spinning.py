"""Spinning that outlives errors in callbacks."""

import traceback
from collections.abc import Callable

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from handos_ros.camera import WARNING_PERIOD


def spin_on(node: Node, count: Callable[[str], None]) -> None:
    """Spin until the context is shut down; an error in a callback is logged and counted, and spinning goes on.

    Parameters
    ----------
    node
        To be spun in this thread.
    count
        Called with every error in words.
    """
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    while node.context.ok():
        try:
            executor.spin()
        except ExternalShutdownException:
            return
        except Exception as error:  # whatever it was, the next callback may be better
            if not node.context.ok():
                return  # a signal came between two callbacks, while the executor got ready to wait
            count(f"{type(error).__name__}: {error}")
            node.get_logger().error(
                f"an error in a callback, the node goes on:\n{traceback.format_exc()}",
                throttle_duration_sec=WARNING_PERIOD,
            )
