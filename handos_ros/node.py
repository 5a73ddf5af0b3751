"""The node `handos`: images in, hands out."""

import sys
import threading
import traceback
from dataclasses import dataclass
from typing import Final

import rclpy
from builtin_interfaces.msg import Time
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CompressedImage, Image
from visualization_msgs.msg import MarkerArray

from handos_model import HandPipeline
from handos_model.hand.hand import Hand
from handos_ros.camera import Camera
from handos_ros.identities import HandIdentities
from handos_ros.image_decoding import ImageDecodingError, ImageMessage, decode_image
from handos_ros.mailbox import Mailbox
from handos_ros.markers import HandMarkers
from handos_ros.messages import ImageRecord, hand_array_message, topology_message
from handos_ros.msg import HandArray, HandTopology
from handos_ros.parameters import declare_parameters
from handos_ros.qos_mismatch import publisher_events, subscription_events
from handos_ros.receive_buffers import keep_receive_buffers
from handos_ros.topics import HANDS_QOS, IMAGE_QOS, LATCHED_QOS, image_topic, overridable_qos

WARNING_PERIOD: Final = 10.0
"""Seconds between two warnings of the same kind."""


@dataclass(frozen=True)
class ReceivedImage:
    """An image message and when it reached the node."""

    message: ImageMessage
    received: Time


class HandosNode(Node):
    """Runs the pipeline on the newest image of a camera and publishes the hands.

    The executor's thread only receives. A worker thread does everything else, one image at a time.

    Raises
    ------
    OSError, ValueError
        If a parameter or the weights cannot be used.
    """

    def __init__(self) -> None:
        super().__init__("handos")
        self._settings = declare_parameters(self)
        self._pipeline = HandPipeline.load(
            self._settings.weights,
            score_threshold=self._settings.score_threshold,
            max_hands=self._settings.max_hands,
        )
        self._identities = HandIdentities()
        self._markers = HandMarkers(self._pipeline.topology)
        self._mailbox: Mailbox[ReceivedImage] = Mailbox()
        self._hands_publisher = self._advertise_hands()
        self._markers_publisher = self.create_publisher(MarkerArray, "~/markers", HANDS_QOS)
        self._publish_topology()
        self._camera = Camera(self, self._settings.field_of_view)
        self._image_topic = self._subscribe_to_images()
        self._reminder = self.create_timer(WARNING_PERIOD, self._remind_of_silence)
        self._worker = threading.Thread(target=self._work, name="worker", daemon=True)
        self._worker.start()
        self.get_logger().info(
            f"ready: images on {self._image_topic}, camera_info on {self._camera.info_topic}, network in "
            f"{self._pipeline.engine.description}"
        )

    def destroy_node(self) -> None:
        """Let the worker finish its image, then destroy everything."""
        self._mailbox.close()
        self._worker.join()
        super().destroy_node()

    def _advertise_hands(self) -> Publisher[HandArray]:
        topic = self.resolve_topic_name("~/hands")
        return self.create_publisher(
            HandArray,
            topic,
            HANDS_QOS,
            event_callbacks=publisher_events(topic, self.get_logger()),
            qos_overriding_options=overridable_qos(),
        )

    def _publish_topology(self) -> None:
        self._topology_publisher = self.create_publisher(HandTopology, "~/topology", LATCHED_QOS)
        self._topology_publisher.publish(topology_message(self._pipeline.topology))

    def _subscribe_to_images(self) -> str:
        """Subscribe and return the topic's full name."""
        compressed = self._settings.image_transport == "compressed"
        # As image_transport does it: the name of the raw topic is remapped, the transport's is derived from it.
        topic = image_topic(self) + ("/compressed" if compressed else "")
        self.create_subscription(
            CompressedImage if compressed else Image,
            topic,
            self._receive,
            IMAGE_QOS,
            event_callbacks=subscription_events(topic, self.get_logger()),
            qos_overriding_options=overridable_qos(),
        )
        return topic

    def _receive(self, message: ImageMessage) -> None:
        self._reminder.cancel()
        self._mailbox.put(ReceivedImage(message, self._now()))

    def _remind_of_silence(self) -> None:
        publishers = self.count_publishers(self._image_topic)
        if publishers == 0:
            remedy = "nobody publishes there; name the camera's topic with --ros-args -r image:=<topic>"
        else:
            remedy = (
                f"it has {publishers} publisher(s); large images may get lost in best effort, try "
                f"-p qos_overrides.{self._image_topic}.subscription.reliability:=reliable"
            )
        self.get_logger().warning(f"no image yet on {self._image_topic}: {remedy}")

    def _work(self) -> None:
        """Body of the worker thread."""
        try:
            while (image := self._mailbox.take()) is not None:
                self._process(image)
        except Exception:
            if not self.context.ok():
                return  # a signal came in the middle of this image: there is nobody left to publish to
            # A dead worker behind a living node would look like a camera without hands.
            self.get_logger().fatal(f"the worker stopped, the node ends:\n{traceback.format_exc()}")
            self.context.try_shutdown()

    def _process(self, image: ReceivedImage) -> None:
        started = self._now()
        try:
            picture = decode_image(image.message)
        except ImageDecodingError as error:
            self.get_logger().error(f"{self._image_topic}: {error}", throttle_duration_sec=WARNING_PERIOD)
            return
        height, width = picture.shape[:2]
        intrinsics = self._camera.intrinsics_of(width, height)
        hands = self._identities.assign(self._pipeline(picture, intrinsics.camera))
        record = ImageRecord(
            header=image.message.header,
            intrinsics=intrinsics,
            received=image.received,
            started=started,
            dropped=self._mailbox.dropped,
        )
        self._publish(hands, record)

    def _publish(self, hands: tuple[Hand, ...], record: ImageRecord) -> None:
        message = hand_array_message(hands, record, self._pipeline.topology.id, with_meshes=self._settings.meshes)
        message.finished = self._now()
        self._hands_publisher.publish(message)
        # RViz is seldom there, and markers cost more than everything else here.
        if self._markers_publisher.get_subscription_count():
            for marker_message in self._markers.messages(hands, record.header):
                self._markers_publisher.publish(marker_message)

    def _now(self) -> Time:
        return self.get_clock().now().to_msg()


def main() -> None:
    """Run the node until it is interrupted; mistakes of the user end in one line and exit code 1."""
    keep_receive_buffers()
    rclpy.init()
    try:
        node = HandosNode()
    except (OSError, ValueError, ParameterException) as error:
        sys.exit(f"handos_node: {error}")
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
