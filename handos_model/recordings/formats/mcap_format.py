"""MCAP: our messages, the images, and what Foxglove draws, for Foxglove, PlotJuggler, rosbags and `ros2 bag`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mcap.writer import CompressionType, Writer

from handos_model import __version__
from handos_model.files.atomic_write import atomic_write
from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.frame_messages import (
    MESSAGE_ENCODING,
    SCHEMA_ENCODING,
    TOPICS,
    TOPOLOGY_TOPIC,
    FrameMessages,
    definition,
)
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource

_FOREVER: Final = "{sec: 2147483647, nsec: 4294967295}"
_LATCHED: Final = f"""\
- history: 1
  depth: 1
  reliability: 1
  durability: 1
  deadline: {_FOREVER}
  lifespan: {_FOREVER}
  liveliness: 1
  liveliness_lease_duration: {_FOREVER}
  avoid_ros_namespace_conventions: false
"""
"""Quality of service of the topology, as rosbag2 writes it: a player gives it to late subscribers, too."""
_CHUNK: Final = 1 << 20


class McapFormat:
    """Writes `folder`/STEM.mcap for every source.

    Parameters
    ----------
    folder
        Folder of this format's files.
    topology
        Topology of the hands' vertices.
    with_meshes
        Also fill `Hand.vertices`; the scene has the meshes in any case.
    operator
        Whose size the metres are scaled to, and the factor; "" and 1: nobody's.
    """

    def __init__(self, folder: Path, topology: HandTopology, operator: tuple[str, float], *, with_meshes: bool) -> None:
        self._folder, self._topology, self._operator, self._with_meshes = folder, topology, operator, with_meshes

    @contextmanager
    def open(self, source: FrameSource, stem: str) -> Iterator[FrameWriter]:
        """As `OutputFormat`."""
        with atomic_write(self._folder / f"{stem}.mcap", keep_partial=True) as path, path.open("wb") as file:
            writer = Writer(file, chunk_size=_CHUNK, compression=CompressionType.ZSTD)
            writer.start(profile="ros2", library=f"handos {__version__}")
            messages = FrameMessages(
                self._topology, self._operator, with_meshes=self._with_meshes, is_timed=source.is_video
            )
            yield _Frames(writer, messages)
            writer.finish()  # type: ignore[no-untyped-call]

    def finish(self, stems: list[str]) -> list[str]:
        """As `OutputFormat`."""
        return []


class _Frames:
    def __init__(self, writer: Writer, messages: FrameMessages) -> None:
        self._writer, self._messages = writer, messages
        self._channels = {topic: self._register(topic) for topic in TOPICS}
        self._has_topology = False

    def write(self, result: FrameHands) -> None:
        logged = self._messages.log_time(result)
        for topic, channel in self._channels.items():
            if topic != TOPOLOGY_TOPIC or not self._has_topology:
                data = self._messages.serialise(topic, result)
                self._writer.add_message(channel, log_time=logged, data=data, publish_time=logged)
        self._has_topology = True

    def _register(self, topic: str) -> int:
        schema = self._writer.register_schema(TOPICS[topic], SCHEMA_ENCODING, definition(topic))
        metadata = {"offered_qos_profiles": _LATCHED} if topic == TOPOLOGY_TOPIC else {}
        return int(self._writer.register_channel(topic, MESSAGE_ENCODING, schema, metadata))
