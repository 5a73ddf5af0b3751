"""Names and quality of service of the topics."""

from typing import Final

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions

IMAGE_QOS: Final = qos_profile_sensor_data
"""Best effort: matches every publisher, be it reliable or not."""

HANDS_QOS: Final = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)

MARKERS_QOS: Final = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
"""Every hand's mesh is a message of its own, and a deletion must not get lost."""

OVERLAY_QOS: Final = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)

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


def of_camera(camera: str, name: str) -> str:
    """Name of a camera's topic before remapping: under the camera's name, where it has one."""
    return f"{camera}/{name}" if camera else name


def image_topic(node: Node, camera: str = "") -> str:
    """Full name of the image topic, remapped."""
    return node.resolve_topic_name(of_camera(camera, "image"))


def depth_topic(node: Node, camera: str = "") -> str:
    """Full name of the depth topic, remapped."""
    return node.resolve_topic_name(of_camera(camera, "depth"))


def camera_info_topic(node: Node, camera: str = "") -> str:
    """Full name of the camera_info topic: beside the image topic, unless `camera_info` itself is remapped."""
    name = of_camera(camera, "camera_info")
    remapped = node.resolve_topic_name(name)
    if remapped != node.resolve_topic_name(name, only_expand=True):
        return remapped
    return f"{image_topic(node, camera).rpartition('/')[0]}/camera_info"
