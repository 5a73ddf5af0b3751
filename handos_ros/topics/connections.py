"""Publishers and subscriptions as all nodes of this package make them.

Their quality of service can be overridden with parameters, and where it does not match the other side's, the log names
the override to use.
"""

from collections.abc import Callable
from typing import Any

from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from handos_ros.topics.qos import overridable_qos
from handos_ros.topics.qos_mismatch import publisher_events, subscription_events


def advertise(node: Node, kind: type, name: str, qos: QoSProfile) -> "Publisher[Any]":
    """Publisher of a topic; `name` is resolved and remapped."""
    topic = node.resolve_topic_name(name)
    return node.create_publisher(
        kind,
        topic,
        qos,
        event_callbacks=publisher_events(topic, node.get_logger()),
        qos_overriding_options=overridable_qos(),
    )


def subscribe(
    node: Node,
    kind: type,
    topic: str,
    callback: Callable[[Any], None],
    qos: QoSProfile,
    logger: RcutilsLogger,
    message_lost: Callable[[Any], None] | None = None,
) -> "Subscription[Any]":
    """Subscription to a topic by its full name.

    Parameters
    ----------
    logger
        Says which override makes the two sides match.
    message_lost
        Called with rclpy's event when messages did not reach the node.
    """
    return node.create_subscription(
        kind,
        topic,
        callback,
        qos,
        event_callbacks=subscription_events(topic, logger, message_lost),
        qos_overriding_options=overridable_qos(),
    )
