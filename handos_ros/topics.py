"""Names and quality of service of the topics."""

from typing import Final

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions

IMAGE_QOS: Final = qos_profile_sensor_data
"""Best effort: matches every publisher, be it reliable or not."""

HANDS_QOS: Final = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)

LATCHED_QOS: Final = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
"""Whoever subscribes late still gets the last message."""

_OVERRIDABLE: Final = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)


def overridable_qos() -> QoSOverridingOptions:
    """Let parameters `qos_overrides.<topic>...` change what matters for whether two sides match."""
    return QoSOverridingOptions(_OVERRIDABLE)


def image_topic(node: Node) -> str:
    """Full name of the image topic, remapped."""
    return node.resolve_topic_name("image")


def camera_info_topic(node: Node) -> str:
    """Full name of the camera_info topic: beside the image topic, unless `camera_info` itself is remapped."""
    remapped = node.resolve_topic_name("camera_info")
    if remapped != node.resolve_topic_name("camera_info", only_expand=True):
        return remapped
    return f"{image_topic(node).rpartition('/')[0]}/camera_info"
