"""Everything that is published about one camera's images."""

import time
from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import PoseArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from handos_model.geometry.arrays import ImageArray
from handos_model.hand.hand import Hand
from handos_model.hand.topology import HandTopology
from handos_model.visualization.overlay import draw_hands
from handos_ros.markers import HandMarkers
from handos_ros.messages import ImageRecord, fingertips_message, hand_array_message, image_message
from handos_ros.msg import HandArray
from handos_ros.qos_mismatch import publisher_events
from handos_ros.topics import HANDS_QOS, MARKERS_QOS, OVERLAY_QOS, in_camera_namespace, overridable_qos
from handos_ros.wrist_broadcaster import WristBroadcaster


class CameraPublishers:
    """Publishers of one camera. Messages that nobody subscribes to are not built.

    Parameters
    ----------
    node
        Owns the publishers.
    camera
        Namespace of the topics; empty: none.
    topology
        The topology of the hands' vertices.
    wrists
        Broadcasts to /tf; ``None``: nothing is broadcast.
    """

    def __init__(self, node: Node, camera: str, topology: HandTopology, wrists: WristBroadcaster | None) -> None:
        self._node, self._camera, self._topology, self._wrists = node, camera, topology, wrists
        self._hands = self._advertise(HandArray, "hands", HANDS_QOS)
        self._fingertips = self._advertise(PoseArray, "fingertips", HANDS_QOS)
        self._markers = self._advertise(MarkerArray, "markers", MARKERS_QOS)
        self._overlay = self._advertise(Image, "overlay", OVERLAY_QOS)
        self._marker_builder = HandMarkers(topology)

    def close(self) -> None:
        """Withdraw the topics."""
        for publisher in (self._hands, self._fingertips, self._markers, self._overlay):
            self._node.destroy_publisher(publisher)

    def publish(self, image: ImageArray, hands: Sequence[Hand], record: ImageRecord, *, with_meshes: bool) -> float:
        """Publish the hands of one image, the HandArray first; return the `time.monotonic` of that."""
        header = record.header
        message = hand_array_message(hands, record, self._topology.id, with_meshes=with_meshes)
        message.finished, finished = self._node.get_clock().now().to_msg(), time.monotonic()
        self._hands.publish(message)
        if self._wrists is not None:
            self._wrists.broadcast(hands, header, self._camera)
        if self._fingertips.get_subscription_count():
            self._fingertips.publish(fingertips_message(hands, header))
        if self._markers.get_subscription_count():
            for markers in self._marker_builder.messages(hands, header):
                self._markers.publish(markers)
        if self._overlay.get_subscription_count():
            self._overlay.publish(self._overlay_message(image, hands, record))
        return finished

    def _overlay_message(self, image: ImageArray, hands: Sequence[Hand], record: ImageRecord) -> Image:
        # A mesh in metres can only be drawn as a pinhole camera sees it.
        camera = record.intrinsics.camera if record.intrinsics.lens is None else None
        return image_message(draw_hands(image, hands, self._topology, camera), record.header)

    def _advertise(self, kind: type, name: str, qos: QoSProfile) -> "Publisher[Any]":
        topic = self._node.resolve_topic_name(f"~/{in_camera_namespace(self._camera, name)}")
        return self._node.create_publisher(
            kind,
            topic,
            qos,
            event_callbacks=publisher_events(topic, self._node.get_logger()),
            qos_overriding_options=overridable_qos(),
        )
