"""Quality of service of the topics."""

from typing import Final

from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions

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
