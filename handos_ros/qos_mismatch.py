"""Tells the user which override makes two sides of a topic match when their quality of service does not."""

from collections.abc import Callable
from typing import Any, Final, Literal

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.qos import QoSPolicyKind

_WANTS_LESS: Final = {QoSPolicyKind.RELIABILITY: "best_effort", QoSPolicyKind.DURABILITY: "volatile"}
"""What a subscription has to ask for to match every publisher."""
_OFFERS_MORE: Final = {QoSPolicyKind.RELIABILITY: "reliable", QoSPolicyKind.DURABILITY: "transient_local"}
"""What a publisher has to offer to match every subscription."""


def subscription_events(
    topic: str, logger: RcutilsLogger, message_lost: Callable[[Any], None] | None = None
) -> SubscriptionEventCallbacks:
    """Callbacks for a subscription that log mismatches with their remedy, and pass on that messages got lost."""
    mismatch = _warn_of_mismatch(topic, "subscription", logger)
    return SubscriptionEventCallbacks(incompatible_qos=mismatch, message_lost=message_lost)


def publisher_events(topic: str, logger: RcutilsLogger) -> PublisherEventCallbacks:
    """Callbacks for a publisher that log mismatches with their remedy."""
    return PublisherEventCallbacks(incompatible_qos=_warn_of_mismatch(topic, "publisher", logger))


def mismatch_warning(topic: str, side: Literal["subscription", "publisher"], policy: QoSPolicyKind) -> str:
    """What to tell the user whose `side` of `topic` differs in `policy` from the other side."""
    other = "publisher" if side == "subscription" else "subscriber"
    name = policy.name.lower()
    value = (_WANTS_LESS if side == "subscription" else _OFFERS_MORE).get(policy)
    remedy = f"run this node with -p qos_overrides.{topic}.{side}.{name}:={value}" if value else f"change its {name}"
    return f"{topic}: nothing is exchanged with a {other} whose {name} does not match: {remedy}"


def _warn_of_mismatch(
    topic: str, side: Literal["subscription", "publisher"], logger: RcutilsLogger
) -> Callable[[Any], None]:
    def warn(event: Any) -> None:
        logger.warning(mismatch_warning(topic, side, QoSPolicyKind(event.last_policy_kind)))

    return warn
