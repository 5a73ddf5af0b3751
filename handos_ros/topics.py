"""Names and quality of service of the topics."""

from typing import Final

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions

from handos_model.geometry.camera_info import camera_info_beside

IMAGE_QOS: Final = qos_profile_sensor_data
"""Best effort: matches every publisher, reliable or not."""

NEWEST_QOS: Final = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""For subscribers that only want the newest message; matches every publisher."""

HANDS_QOS: Final = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)

MARKERS_QOS: Final = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
"""Deep, because every hand's mesh is a message of its own and no deletion may be lost."""

OVERLAY_QOS: Final = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)

LATCHED_QOS: Final = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
"""Late subscribers still get the last message."""

_OVERRIDABLE: Final = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)


def overridable_qos() -> QoSOverridingOptions:
    """Allow parameters `qos_overrides.<topic>...` to change the policies that decide whether two sides match."""
    return QoSOverridingOptions(_OVERRIDABLE)


def in_camera_namespace(camera: str, name: str) -> str:
    """Name of a camera's topic or frame before remapping: under the camera's name, if it has one."""
    return f"{camera}/{name}" if camera else name


def image_topic(node: Node, camera: str = "") -> str:
    """Full name of the image topic, remapped."""
    return node.resolve_topic_name(in_camera_namespace(camera, "image"))


def depth_topic(node: Node, camera: str = "") -> str:
    """Full name of the depth topic, remapped."""
    return node.resolve_topic_name(in_camera_namespace(camera, "depth"))


def camera_info_topic(node: Node, camera: str = "") -> str:
    """Full name of the camera_info topic: beside the image topic, unless `camera_info` itself is remapped."""
    name = in_camera_namespace(camera, "camera_info")
    remapped = node.resolve_topic_name(name)
    if remapped != node.resolve_topic_name(name, only_expand=True):
        return remapped
    return camera_info_beside(image_topic(node, camera))
