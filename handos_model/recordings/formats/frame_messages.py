"""`FrameMessages`: the messages of a frame, serialised, by topic."""

from typing import Any, Final

from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.foxglove_messages import image_annotations, scene_update
from handos_model.recordings.formats.hand_messages import (
    TYPES,
    camera_info,
    compressed_image,
    hand_array,
    hand_topology,
)
from handos_model.recordings.frame_hands import FrameHands

TOPOLOGY_TOPIC: Final = "/handos/topology"
"""The only one whose message is the same for all frames."""
TOPICS: Final = {
    TOPOLOGY_TOPIC: "handos_ros/msg/HandTopology",
    "/camera/camera_info": "sensor_msgs/msg/CameraInfo",
    "/camera/image/compressed": "sensor_msgs/msg/CompressedImage",
    "/handos/hands": "handos_ros/msg/HandArray",
    "/handos/scene": "foxglove_msgs/msg/SceneUpdate",
    "/handos/annotations": "foxglove_msgs/msg/ImageAnnotations",
}
"""Types of the topics, in the order of writing. /handos/ are the names that a node has."""
SCHEMA_ENCODING: Final = "ros2msg"
MESSAGE_ENCODING: Final = "cdr"
_ROUNDING: Final = 1000
"""Nanoseconds by which stamps in seconds, as floating-point numbers, are less exact than those of headers."""


def definition(topic: str) -> bytes:
    """Definition of a topic's messages, with those of all types in it: what a reader needs."""
    return TYPES.generate_msgdef(TOPICS[topic], ros_version=2)[0].encode()


class FrameMessages:
    """Serialises the messages of one source.

    Parameters
    ----------
    topology
        Topology of the hands' vertices.
    operator
        Whose size the metres are scaled to, and the factor; "" and 1: nobody's.
    with_meshes
        Also fill `Hand.vertices`; the scene has the meshes in any case.
    is_timed
        Whether the frames have stamps. Others come one a second: at the same time, players would show only the last.
    """

    def __init__(
        self, topology: HandTopology, operator: tuple[str, float], *, with_meshes: bool, is_timed: bool
    ) -> None:
        self._topology, self._operator = topology, operator
        self._with_meshes, self._is_timed = with_meshes, is_timed

    def log_time(self, result: FrameHands) -> int:
        """When the messages of a frame are logged, in nanoseconds."""
        frame = result.frame
        logged = round(frame.stamp * 1e9) if self._is_timed else frame.index * 10**9
        recorded = logged if frame.header is None else frame.header.stamp
        return recorded if abs(recorded - logged) < _ROUNDING else logged

    def serialise(self, topic: str, result: FrameHands) -> bytes:
        """The message of a frame on a topic."""
        return bytes(TYPES.serialize_cdr(self._message(topic, result), TOPICS[topic]))

    def _message(self, topic: str, result: FrameHands) -> Any:
        stamp = self.log_time(result) if result.frame.header is None else result.frame.header.stamp
        if topic == TOPOLOGY_TOPIC:
            return hand_topology(self._topology)
        if topic == "/camera/camera_info":
            return camera_info(result, stamp)
        if topic == "/camera/image/compressed":
            return compressed_image(result, stamp)
        if topic == "/handos/hands":
            return hand_array(result, stamp, self._topology.id, self._operator, with_meshes=self._with_meshes)
        if topic == "/handos/scene":
            return scene_update(result, stamp, self._topology)
        return image_annotations(result, stamp)
