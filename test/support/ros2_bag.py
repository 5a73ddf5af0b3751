"""Records topics into rosbag2 bags and plays them, raw messages only, as `ros2 bag record` and `ros2 bag play` do."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from message_types import embedded_definition, message_class
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

BAG_VERSION = 9
"""Version of the format that Jazzy and Kilted write."""
REQUESTED_DEPTH = 100


@dataclass(frozen=True)
class RecordedTopic:
    """What a bag says of a topic.

    Attributes
    ----------
    type_hash
        Of the message type, as its publisher announces it (REP 2016).
    offered
        Quality of service of its publishers.
    """

    name: str
    type: str
    type_hash: str
    offered: tuple[Qos, ...]

    @property
    def latched(self) -> bool:
        """Whether late subscribers get the last messages."""
        return all(qos.durability is QosDurability.TRANSIENT_LOCAL for qos in self.offered)


@dataclass(frozen=True)
class RecordedMessage:
    """A serialized message and the time in nanoseconds at which it was received."""

    timestamp: int
    topic: str
    data: bytes


@dataclass(frozen=True)
class Recording:
    """The contents of a bag; messages in the order of their timestamps."""

    topics: dict[str, RecordedTopic]
    messages: list[RecordedMessage]

    def of(self, topic: str) -> list[RecordedMessage]:
        return [message for message in self.messages if message.topic == topic]


class Recorder:
    """Subscribes to topics and keeps their messages.

    Attributes
    ----------
    messages
        In the order in which DDS hands them over: that in which each publisher sent its own. Timestamps of reception
        may be in another, where a late subscriber is sent the past.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._topics: dict[str, RecordedTopic] = {}
        self.messages: list[RecordedMessage] = []

    def subscribe_to_publications_of(self, node_name: str) -> None:
        """Subscribe to what a node in the root namespace publishes, as far as this has been discovered."""
        if node_name in self._node.get_node_names():
            for topic, (message_type,) in self._node.get_publisher_names_and_types_by_node(node_name, "/"):
                self.subscribe(topic, message_type)

    def subscribe(self, topic: str, message_type: str) -> None:
        """Subscribe with the quality of service that matches all publishers, unless already done."""
        publishers = self._node.get_publishers_info_by_topic(topic)
        if topic in self._topics or not publishers:
            return
        offered = [publisher.qos_profile for publisher in publishers]
        type_hash = str(publishers[0].topic_type_hash)
        self._topics[topic] = RecordedTopic(topic, message_type, type_hash, tuple(map(qos_in_bag, offered)))

        def keep(data: bytes, info: dict[str, int]) -> None:
            self.messages.append(RecordedMessage(info["received_timestamp"], topic, data))

        self._node.create_subscription(message_class(message_type), topic, keep, requested_qos(offered), raw=True)

    @property
    def heard(self) -> set[str]:
        """Topics on which something was published."""
        return {message.topic for message in self.messages}

    @property
    def silent(self) -> set[str]:
        """Topics on which nothing was published."""
        return self._topics.keys() - self.heard

    def recording(self) -> Recording:
        """What has been received so far."""
        return Recording(dict(self._topics), sorted(self.messages, key=lambda message: message.timestamp))


class Player:
    """Publishes recorded messages with the quality of service of those who published them first."""

    def __init__(self, node: Node, topics: Iterable[RecordedTopic], prefix: str = "") -> None:
        self.publishers = {
            topic.name: node.create_publisher(
                message_class(topic.type), prefix + topic.name, offered_qos(topic.offered[0])
            )
            for topic in topics
        }

    def play(self, message: RecordedMessage) -> None:
        """Publish one message."""
        self.publishers[message.topic].publish(message.data)


def write_bag(path: Path, recording: Recording, storage: StoragePlugin) -> None:
    """Write a folder with `metadata.yaml` and a database or an MCAP file."""
    with Writer(path, version=BAG_VERSION, storage_plugin=storage) as writer:
        connections = {
            topic.name: writer.add_connection(
                topic.name,
                topic.type,
                msgdef=embedded_definition(topic.type),
                rihs01=topic.type_hash,
                offered_qos_profiles=topic.offered,
            )
            for topic in recording.topics.values()
        }
        for message in recording.messages:
            writer.write(connections[message.topic], message.timestamp, message.data)


def read_bag(path: Path) -> Recording:
    """Read a bag."""
    with Reader(path) as reader:
        topics = {
            connection.topic: RecordedTopic(
                connection.topic, connection.msgtype, connection.digest, tuple(connection.ext.offered_qos_profiles)
            )
            for connection in reader.connections
        }
        messages = [
            RecordedMessage(timestamp, connection.topic, bytes(data))
            for connection, timestamp, data in reader.messages()
        ]
    return Recording(topics, messages)


def requested_qos(offered: Iterable[QoSProfile]) -> QoSProfile:
    """What matches all publishers and loses as little as possible."""
    profiles = list(offered)
    reliable = all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in profiles)
    latched = all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in profiles)
    return QoSProfile(
        depth=REQUESTED_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def offered_qos(recorded: Qos) -> QoSProfile:
    """The recorded policies; the depth is unknown to DDS and thus to bags."""
    return QoSProfile(
        depth=REQUESTED_DEPTH,
        reliability=ReliabilityPolicy(recorded.reliability.value),
        durability=DurabilityPolicy(recorded.durability.value),
        deadline=_duration(recorded.deadline),
        lifespan=_duration(recorded.lifespan),
        liveliness=LivelinessPolicy(recorded.liveliness.value),
        liveliness_lease_duration=_duration(recorded.liveliness_lease_duration),
    )


def qos_in_bag(profile: QoSProfile) -> Qos:
    """A publisher's quality of service, as it is written into `metadata.yaml`."""
    return Qos(
        QosHistory(profile.history.value),
        profile.depth,
        QosReliability(profile.reliability.value),
        QosDurability(profile.durability.value),
        _seconds_and_nanoseconds(profile.deadline),
        _seconds_and_nanoseconds(profile.lifespan),
        QosLiveliness(profile.liveliness.value),
        _seconds_and_nanoseconds(profile.liveliness_lease_duration),
        profile.avoid_ros_namespace_conventions,
    )


def _seconds_and_nanoseconds(duration: Duration) -> QosTime:
    return QosTime(*divmod(duration.nanoseconds, 10**9))


def _duration(time: QosTime) -> Duration:
    return Duration(seconds=time.sec, nanoseconds=time.nsec)
