"""MCAP: our messages, the images, and what Foxglove draws, for Foxglove, PlotJuggler, rosbags and `ros2 bag`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from mcap.writer import CompressionType, Writer

from handos_model import __version__
from handos_model.files.atomic_write import atomic_write
from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.foxglove_messages import image_annotations, scene_update
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.formats.hand_messages import (
    TYPES,
    camera_info,
    compressed_image,
    hand_array,
    hand_topology,
)
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource

TOPICS: Final = {
    "/camera/image/compressed": "sensor_msgs/msg/CompressedImage",
    "/camera/camera_info": "sensor_msgs/msg/CameraInfo",
    "/handos/hands": "handos_ros/msg/HandArray",
    "/handos/topology": "handos_ros/msg/HandTopology",
    "/handos/scene": "foxglove_msgs/msg/SceneUpdate",
    "/handos/annotations": "foxglove_msgs/msg/ImageAnnotations",
}
"""Types of the topics. /handos/ are the names that a node has."""
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
_ROUNDING: Final = 1000
"""Nanoseconds by which stamps in seconds, as floating-point numbers, are less exact than those of headers."""


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
            yield _Messages(
                writer, self._topology, self._operator, with_meshes=self._with_meshes, is_timed=source.is_video
            )
            writer.finish()  # type: ignore[no-untyped-call]

    def finish(self, stems: list[str]) -> list[str]:
        """As `OutputFormat`."""
        return []


class _Messages:
    def __init__(
        self, writer: Writer, topology: HandTopology, operator: tuple[str, float], *, with_meshes: bool, is_timed: bool
    ) -> None:
        self._writer, self._topology, self._operator = writer, topology, operator
        self._with_meshes, self._is_timed = with_meshes, is_timed
        self._channels = {topic: self._register(topic, kind) for topic, kind in TOPICS.items()}
        self._has_topology = False

    def write(self, result: FrameHands) -> None:
        frame = result.frame
        # Images without time come one a second: at the same time, players would show the last one only.
        logged = round(frame.stamp * 1e9) if self._is_timed else frame.index * 10**9
        stamp = logged if frame.header is None else frame.header.stamp
        if abs(stamp - logged) < _ROUNDING:
            logged = stamp
        if not self._has_topology:
            self._add("/handos/topology", hand_topology(self._topology), logged)
            self._has_topology = True
        hands = hand_array(result, stamp, self._topology.id, self._operator, with_meshes=self._with_meshes)
        self._add("/camera/camera_info", camera_info(result, stamp), logged)
        self._add("/camera/image/compressed", compressed_image(result, stamp), logged)
        self._add("/handos/hands", hands, logged)
        self._add("/handos/scene", scene_update(result, stamp, self._topology), logged)
        self._add("/handos/annotations", image_annotations(result, stamp), logged)

    def _register(self, topic: str, kind: str) -> int:
        definition, _ = TYPES.generate_msgdef(kind, ros_version=2)
        schema = self._writer.register_schema(kind, "ros2msg", definition.encode())
        metadata = {"offered_qos_profiles": _LATCHED} if topic == "/handos/topology" else {}
        return int(self._writer.register_channel(topic, "cdr", schema, metadata))

    def _add(self, topic: str, message: Any, logged: int) -> None:
        data = bytes(TYPES.serialize_cdr(message, TOPICS[topic]))
        self._writer.add_message(self._channels[topic], log_time=logged, data=data, publish_time=logged)
