"""The node that listens: it prints and draws what it receives."""

from collections import OrderedDict
from typing import Annotated, Final

import typer
from builtin_interfaces.msg import Time as TimeMessage
from rclpy.node import Node
from sensor_msgs.msg import Image

from handos_model.files.image_messages import ImageDecodingError
from handos_model.hand.topology import HandTopology as ModelTopology
from handos_ros.clocks.stamps import nanoseconds
from handos_ros.images.image_decoding import decode_image
from handos_ros.lifecycle.ros_command import OptionalPath, run_as_ros_command, started_ros
from handos_ros.lifecycle.spinning import spin_until
from handos_ros.listener.overlay_recording import OverlayRecording
from handos_ros.listener.summary import ListenerSummary, describe
from handos_ros.messages.message_parsing import hands_of, intrinsics_of
from handos_ros.msg import HandArray, HandTopology
from handos_ros.topics.names import image_topic
from handos_ros.topics.qos import HANDS_QOS, IMAGE_QOS, LATCHED_QOS

PROGRAM: Final = "handos_listener"
MAX_WAITING_IMAGES: Final = 30
"""Images kept until their HandArrays arrive."""


class Listener(Node):
    """Receives the topics of one node and, for a recording, the images that they are about.

    Parameters
    ----------
    recording
        Gets every image with its hands; ``None``: images are not received.
    """

    def __init__(self, recording: OverlayRecording | None) -> None:
        super().__init__(PROGRAM)
        self.summary = ListenerSummary()
        self.topology_id: str | None = None
        self._recording = recording
        self._images: OrderedDict[tuple[int, int], Image] = OrderedDict()
        self.create_subscription(HandArray, "handos/hands", self._receive_hands, HANDS_QOS)
        self.create_subscription(HandTopology, "handos/topology", self._receive_topology, LATCHED_QOS)
        if recording is not None:
            self.create_subscription(Image, image_topic(self), self._receive_image, IMAGE_QOS)

    def _receive_topology(self, message: HandTopology) -> None:
        self.topology_id = message.id
        typer.echo(f"topology {message.id}: {message.vertex_count} vertices, {len(message.faces_right) // 3} faces")

    def _receive_image(self, message: Image) -> None:
        self._images[_key(message.header.stamp)] = message
        if len(self._images) > MAX_WAITING_IMAGES:
            self._images.popitem(last=False)

    def _receive_hands(self, message: HandArray) -> None:
        stamp = nanoseconds(message.header.stamp)
        latency = (self.get_clock().now().nanoseconds - stamp) / 1e6
        hands, seconds = hands_of(message), stamp / 1e9
        self.summary.add(hands, latency, message.dropped)
        typer.echo(describe(hands, seconds, latency))
        image = self._images.pop(_key(message.header.stamp), None)
        if self._recording is not None and image is not None:
            try:
                self._recording.add(decode_image(image), hands, intrinsics_of(message), seconds)
            except ImageDecodingError as error:
                self.get_logger().error(f"an image is left out of the recording: {error}", throttle_duration_sec=10.0)


def _key(stamp: TimeMessage) -> tuple[int, int]:
    return stamp.sec, stamp.nanosec


def listen(
    out: Annotated[
        OptionalPath, typer.Option(metavar="DIR", help="Also receive the images and write overlay.mp4 and result.png.")
    ] = None,
) -> None:
    """Print a line per HandArray until interrupted, then a summary; exit code 1 if no hands were received."""
    recording = None if out is None else OverlayRecording()
    with started_ros(PROGRAM) as stop:
        listener = Listener(recording)
        spin_until(stop, listener)
        typer.echo(listener.summary.text())
        if out is not None and recording is not None:
            for path in recording.write(out, _known_topology(listener.topology_id)):
                typer.echo(f"wrote {path}")
        listener.destroy_node()
    raise typer.Exit(0 if listener.summary.images_with_hands else 1)


def _known_topology(topology_id: str | None) -> ModelTopology:
    """The topology to draw with, which must be the node's."""
    topology = ModelTopology.load()
    if topology_id not in (None, topology.id):
        raise ValueError(
            f"the node's hands have the topology {topology_id!r}, this version draws {topology.id!r}: install the same "
            "version on both sides"
        )
    return topology


def main() -> None:
    """Run the listener."""
    run_as_ros_command(listen, PROGRAM)
