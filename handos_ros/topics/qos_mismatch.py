"""Tells the user which override makes two sides of a topic match when their quality of service does not."""

from collections.abc import Callable
from typing import Any, Final, Literal

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.qos import QoSPolicyKind

_MATCHES_EVERY_PUBLISHER: Final = {QoSPolicyKind.RELIABILITY: "best_effort", QoSPolicyKind.DURABILITY: "volatile"}
"""What a subscription must request to match every publisher."""
_MATCHES_EVERY_SUBSCRIPTION: Final = {
    QoSPolicyKind.RELIABILITY: "reliable",
    QoSPolicyKind.DURABILITY: "transient_local",
}
"""What a publisher must offer to match every subscription."""


def subscription_events(
    topic: str, logger: RcutilsLogger, message_lost: Callable[[Any], None] | None = None
) -> SubscriptionEventCallbacks:
    """Callbacks for a subscription that log mismatches with their remedy, and report lost messages."""
    mismatch = _warn_of_mismatch(topic, "subscription", logger)
    return SubscriptionEventCallbacks(incompatible_qos=mismatch, message_lost=message_lost)


def publisher_events(topic: str, logger: RcutilsLogger) -> PublisherEventCallbacks:
    """Callbacks for a publisher that log mismatches with their remedy."""
    return PublisherEventCallbacks(incompatible_qos=_warn_of_mismatch(topic, "publisher", logger))


def mismatch_warning(topic: str, side: Literal["subscription", "publisher"], policy: QoSPolicyKind) -> str:
    """What to tell the user whose `side` of `topic` differs in `policy` from the other side."""
    other = "publisher" if side == "subscription" else "subscriber"
    direction = "from" if side == "subscription" else "to"
    name = policy.name.lower()
    value = (_MATCHES_EVERY_PUBLISHER if side == "subscription" else _MATCHES_EVERY_SUBSCRIPTION).get(policy)
    remedy = f"run this node with -p qos_overrides.{topic}.{side}.{name}:={value}" if value else f"change its {name}"
    return f"{topic}: no messages {direction} a {other} whose {name} does not match: {remedy}"


def _warn_of_mismatch(
    topic: str, side: Literal["subscription", "publisher"], logger: RcutilsLogger
) -> Callable[[Any], None]:
    def warn(event: Any) -> None:
        logger.warning(mismatch_warning(topic, side, QoSPolicyKind(event.last_policy_kind)))

    return warn
