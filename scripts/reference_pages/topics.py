"""The topics and services of the nodes, with types and quality of service, read off the running nodes."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Final

import rclpy
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from handos_ros.lifecycle.managed_node import ManagedNode
from handos_ros.node import HandosNode
from handos_ros.retarget.node import RetargetNode
from handos_ros.topics.descriptions import NODES, Descriptions
from reference_pages.markdown import code, page, prose, table
from reference_pages.stand_ins import provide_tf2_and_vision_msgs

_NAMESPACE: Final = "/namespace"
"""Shows which names are relative."""
_STARTS: Final[Mapping[str, tuple[Callable[[], ManagedNode[Any]], Sequence[Mapping[str, str]]]]] = {
    "handos": (HandosNode, ({"depth": "true", "target_frame": "base"}, {"image_transport": "compressed"})),
    "retarget": (RetargetNode, ({"engage": "topic", "tf": "true", "target_frame": "base"}, {"engage": "service"})),
}
"""The class of each node, and the parameters with which it is started until it has shown all topics."""
_TF: Final = "tf2_msgs/TFMessage"
_INTRO: Final = """\
Names before remapping; `~` is the node's name, SIDE is left or right. [The ROS 2 node](../ros.md#topics) and
[teleoperation](../teleoperation.md#topics-and-services) say when something is published, and in which frame. With
several cameras, all topics of one but the topology are in its namespace: `left/image`, `~/left/hands`.

QoS is the quality of service and how many messages are kept; it can be overridden with parameters, such as
`qos_overrides.TOPIC.subscription.reliability`."""

Rows = dict[str, tuple[str, str]]
"""Type and quality of service, by name."""


@dataclass(frozen=True)
class _Endpoints:
    subscribed: Rows = field(default_factory=dict)
    published: Rows = field(default_factory=dict)
    services: Rows = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Also those that this node has."""
        self.subscribed.update({_name(node, each.topic_name): _topic(each) for each in node.subscriptions})
        self.published.update({_name(node, each.topic_name): _topic(each) for each in node.publishers})
        self.services.update({_name(node, each.service_name): (_type(each.srv_type), "") for each in node.services})

    def without(self, others: "_Endpoints") -> "_Endpoints":
        """Those that the others do not have."""
        kinds = [(getattr(self, kind.name), getattr(others, kind.name)) for kind in fields(self)]
        return _Endpoints(*({name: row for name, row in own.items() if name not in known} for own, known in kinds))


def topics_page() -> str:
    """A section for each node."""
    provide_tf2_and_vision_msgs()
    sections = [text for name in NODES for text in _sections(name, NODES[name])]
    return page("Topics and services", "the nodes and handos_ros/topics/descriptions.py", _INTRO, *sections)


def _sections(name: str, described: Descriptions) -> Iterator[str]:
    shown = _shown_by(name)
    yield f"## {name}"
    yield _table("subscribed", shown.subscribed, described.subscribed)
    yield _table("published", shown.published, described.published)
    yield _table("service", shown.services, described.services)
    yield "and the services of every managed node, for its transitions and its parameters."


def _shown_by(name: str) -> _Endpoints:
    kind, starts = _STARTS[name]
    shown, standard = _Endpoints(), _Endpoints()
    for parameters in starts:
        with _ros(parameters):
            plain = LifecycleNode(name)
            standard.add(plain)
            plain.destroy_node()
            node = kind()
            try:
                node.configure()
                node.activate()
                shown.add(node)
            finally:
                node.deactivate()
                node.cleanup()
                node.destroy_node()
    return shown.without(standard)


@contextmanager
def _ros(parameters: Mapping[str, str]) -> Iterator[None]:
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "OFF"  # no robot in the network sees these nodes
    given = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    rclpy.init(args=["--ros-args", "--log-level", "error", "-r", f"__ns:={_NAMESPACE}", *given])
    try:
        yield
    finally:
        rclpy.shutdown()


def _name(node: Node, full_name: str) -> str:
    name = full_name.removeprefix(f"{_NAMESPACE}/")
    private = re.sub(f"^{node.get_name()}/", "~/", name)
    return re.sub("^~/(left|right)/", "~/SIDE/", private)


def _topic(endpoint: Any) -> tuple[str, str]:
    is_transform = endpoint.topic_name in ("/tf", "/tf_static")  # of which the stand-in's messages are others
    return _TF if is_transform else _type(endpoint.msg_type), _quality(endpoint.qos_profile)


def _type(kind: type) -> str:
    return f"{kind.__module__.partition('.')[0]}/{kind.__name__}"


def _quality(profile: QoSProfile) -> str:
    reliability = "reliable" if profile.reliability == ReliabilityPolicy.RELIABLE else "best effort"
    latched = ", latched" if profile.durability == DurabilityPolicy.TRANSIENT_LOCAL else ""
    return f"{reliability}, {profile.depth}{latched}"


def _table(kind: str, rows: Rows, descriptions: Mapping[str, str]) -> str:
    """Raises ValueError if a name has no description, or a description no name."""
    if differing := sorted(rows.keys() ^ descriptions.keys()):
        raise ValueError(
            f"{kind} by the nodes or described in handos_ros/topics/descriptions.py, not both: {differing}"
        )
    if kind == "service":
        return table(
            [kind, "type", ""], ([code(name), rows[name][0], prose(text)] for name, text in descriptions.items())
        )
    cells = ([code(name), *rows[name], prose(text)] for name, text in descriptions.items())
    return table([kind, "type", "QoS", ""], cells)
