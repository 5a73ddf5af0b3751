"""Everything that is published about one camera's images."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import PoseArray, PoseStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from handos_model.geometry.arrays import ImageArray
from handos_model.hand.hand import Hand
from handos_model.hand.topology import HandTopology
from handos_model.visualization.overlay import draw_hands
from handos_ros.messages.hand_messages import ImageRecord, fingertips_message, hand_array_message, wrist_message
from handos_ros.messages.image_messages import image_message
from handos_ros.messages.markers import HandMarkers
from handos_ros.messages.rigid_transform import PoseFrame
from handos_ros.msg import HandArray
from handos_ros.outputs.optional_outputs import OptionalOutputs
from handos_ros.outputs.sides import SIDES, hand_to_follow
from handos_ros.outputs.target_frame import MissingTransformError
from handos_ros.topics.connections import advertise
from handos_ros.topics.names import in_camera_namespace
from handos_ros.topics.qos import HANDS_QOS, MARKERS_QOS, OVERLAY_QOS


@dataclass(frozen=True)
class FoundHands:
    """An image and its hands, which nobody changes any more: several threads read them."""

    image: ImageArray
    hands: tuple[Hand, ...]
    record: ImageRecord


class CameraPublishers:
    """Publishers of one camera. Messages that nobody subscribes to are not built.

    `publish_hands`, `publish_poses` and `publish_drawings` may run in threads of their own.

    Parameters
    ----------
    node
        Owns the publishers.
    camera
        Namespace of the topics; empty: none.
    topology
        The topology of the hands' vertices.
    outputs
        What all cameras publish with packages that may not be installed.
    """

    def __init__(self, node: Node, camera: str, topology: HandTopology, outputs: OptionalOutputs) -> None:
        self._node, self._camera, self._topology, self._outputs = node, camera, topology, outputs
        self._publishers: list[Any] = []
        self._hands = self._advertise(HandArray, "hands", HANDS_QOS)
        self._wrists = {side: self._advertise(PoseStamped, f"{side}/wrist", HANDS_QOS) for side in SIDES}
        self._fingertips = self._advertise(PoseArray, "fingertips", HANDS_QOS)
        if outputs.detections is not None:
            self._detections_2d = self._advertise(outputs.detections.array_2d, "detections_2d", HANDS_QOS)
            self._detections_3d = self._advertise(outputs.detections.array_3d, "detections_3d", HANDS_QOS)
        self._poses = self._publishers[1:]
        """All that `publish_poses` publishes: what has been advertised so far, without the HandArray."""
        self._markers = self._advertise(MarkerArray, "markers", MARKERS_QOS)
        self._overlay = self._advertise(Image, "overlay", OVERLAY_QOS)
        self._marker_builder = HandMarkers(topology)

    def close(self) -> None:
        """Withdraw the topics."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)

    @property
    def has_listeners(self) -> bool:
        """Whether anybody subscribes to anything about this camera."""
        return self._outputs.tf_listeners > 0 or any(map(_is_heard, self._publishers))

    @property
    def are_poses_heard(self) -> bool:
        """Whether anybody subscribes to what `publish_poses` publishes."""
        return any(map(_is_heard, self._poses))

    @property
    def are_drawings_heard(self) -> bool:
        """Whether anybody subscribes to what `publish_drawings` publishes."""
        return _is_heard(self._markers) or _is_heard(self._overlay)

    def publish_hands(self, found: FoundHands, *, with_meshes: bool) -> float:
        """Publish the HandArray, then the frames of wrists; return `time.monotonic` between the two."""
        message = hand_array_message(found.hands, found.record, self._topology.id, with_meshes=with_meshes)
        message.finished, finished = self._node.get_clock().now().to_msg(), time.monotonic()
        self._hands.publish(message)
        if self._outputs.wrists is not None:
            self._outputs.wrists.broadcast(found.hands, found.record.header, self._camera)
        return finished

    def publish_poses(self, found: FoundHands) -> str:
        """Publish poses and detections; return why there are none in the target frame, or nothing."""
        hands, header = found.hands, found.record.header
        if self._outputs.detections is not None and _is_heard(self._detections_2d):
            self._detections_2d.publish(self._outputs.detections.in_2d(hands, header))
        return self._publish_in_target_frame(hands, header)

    def publish_drawings(self, found: FoundHands) -> None:
        """Publish markers and overlay."""
        if _is_heard(self._markers):
            for markers in self._marker_builder.messages(found.hands, found.record.header):
                self._markers.publish(markers)
        if _is_heard(self._overlay):
            self._overlay.publish(self._overlay_message(found))

    def _publish_in_target_frame(self, hands: Sequence[Hand], header: Header) -> str:
        """Publish poses and 3D detections; return why that was not possible, or nothing."""
        detections = self._outputs.detections
        heard_wrists = [side for side in SIDES if _is_heard(self._wrists[side])]
        are_fingertips_heard = _is_heard(self._fingertips)
        are_detections_heard = detections is not None and _is_heard(self._detections_3d)
        if not (heard_wrists or are_fingertips_heard or are_detections_heard):
            return ""
        try:
            frame = self._pose_frame(header)
        except MissingTransformError as error:
            return str(error)
        for side in heard_wrists:
            hand = hand_to_follow(hands, side)
            if hand is not None and hand.metric is not None:
                self._wrists[side].publish(wrist_message(hand.metric, side, frame))
        if are_fingertips_heard:
            self._fingertips.publish(fingertips_message(hands, frame))
        if detections is not None and are_detections_heard:
            self._detections_3d.publish(detections.in_3d(hands, frame))
        return ""

    def _pose_frame(self, header: Header) -> PoseFrame:
        target = self._outputs.target
        return PoseFrame(header) if target is None else target.pose_frame(header)

    def _overlay_message(self, found: FoundHands) -> Image:
        # A mesh in metres can only be drawn as a pinhole camera sees it.
        intrinsics = found.record.intrinsics
        camera = intrinsics.camera if intrinsics.lens is None else None
        return image_message(draw_hands(found.image, found.hands, self._topology, camera), found.record.header)

    def _advertise(self, kind: type, name: str, qos: QoSProfile) -> "Publisher[Any]":
        publisher = advertise(self._node, kind, f"~/{in_camera_namespace(self._camera, name)}", qos)
        self._publishers.append(publisher)
        return publisher


def _is_heard(publisher: "Publisher[Any]") -> bool:
    return publisher.get_subscription_count() > 0
