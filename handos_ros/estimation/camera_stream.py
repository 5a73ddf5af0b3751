"""`CameraStream`: one camera from its images to its hands."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from handos_model.files.signal_range import SignalRange
from handos_model.geometry.camera_info import CalibrationReader, CameraInfoError, is_rectified
from handos_model.hand.topology import HandTopology
from handos_model.inference.image_condition import ImageMonitor
from handos_model.inference.tracking import HandTracker
from handos_ros.clocks.image_clock import ImageClock, ImageTime, StampProblem
from handos_ros.clocks.reception_clock import ReceptionClock
from handos_ros.clocks.stamps import STEADY_CLOCK, nanoseconds
from handos_ros.diagnostics.counters import CameraCounters
from handos_ros.diagnostics.node_log import WARNING_PERIOD
from handos_ros.images.depth_images import DepthImages
from handos_ros.images.image_decoding import ImageMessage
from handos_ros.images.intrinsics import ImageIntrinsics, assumed_intrinsics, calibrated_intrinsics
from handos_ros.outputs.camera_publishers import CameraPublishers
from handos_ros.outputs.optional_outputs import OptionalOutputs
from handos_ros.parameters.node_parameters import NodeParameters
from handos_ros.topics.connections import subscribe
from handos_ros.topics.lost_images import large_images_remedy, lost_images_warning, newly_lost
from handos_ros.topics.names import camera_info_topic, depth_topic, image_topic, in_camera_namespace
from handos_ros.topics.qos import IMAGE_QOS

DEMAND_PERIOD: Final = 1.0
"""Seconds between two looks at whether somebody listens, with on_demand."""
CAMERA_INFO_PATIENCE: Final = 1.0
"""Seconds of images without camera_info before the first warning: at the start an image may arrive first."""


@dataclass(frozen=True)
class ReceivedImage:
    """An image message, when it was taken, and when it reached the node."""

    message: ImageMessage
    time: ImageTime
    received: Time
    """By the node's clock."""
    arrived: float
    """`time.monotonic`."""


class CameraStream:
    """Everything that belongs to one camera: its topics, tracked hands and counters.

    It publishes from construction to `close` and receives between `subscribe` and `unsubscribe`. The executor's thread
    receives; the worker's threads do the rest.

    Parameters
    ----------
    node
        Subscribes, publishes and logs.
    name
        Namespace of the camera's topics; empty: none.
    parameters
        As read at configuration.
    topology
        The topology of the hands' vertices.
    outputs
        What all cameras publish with packages that may not be installed.
    """

    def __init__(
        self, node: Node, name: str, parameters: NodeParameters, topology: HandTopology, outputs: OptionalOutputs
    ) -> None:
        self._node, self._parameters = node, parameters
        self.name = name
        # One logger per camera: warnings are throttled per logger, and one camera must not silence another.
        self.logger = node.get_logger().get_child(name) if name else node.get_logger()
        self.publishers = CameraPublishers(node, name, topology, outputs)
        is_compressed = parameters.image_transport == "compressed"
        self._image_type = CompressedImage if is_compressed else Image
        # As in image_transport, the raw topic is remapped and the transport's topic is derived from it.
        self.image_topic = image_topic(node, name) + ("/compressed" if is_compressed else "")
        self.info_topic = camera_info_topic(node, name)
        self._is_rectified = _is_rectified(parameters.rectification, image_topic(node, name))
        self._subscriptions: list[Subscription[Any]] = []
        self._silence_timer: Timer | None = None
        self._demand_timer: Timer | None = None
        self._reset()

    def _reset(self) -> None:
        self._clock, self._reception = ImageClock(), ReceptionClock(self._node)
        self.signal_range = SignalRange(self._parameters.signal_bits)
        self.image_monitor = ImageMonitor()
        self.depth_images = DepthImages()
        self.tracker = HandTracker()
        self._image_shape: tuple[int, ...] | None = None
        self.counters = CameraCounters()
        self._info: CameraInfo | None = None
        self._calibration = CalibrationReader()
        self._subscribed = time.monotonic()
        self._first_image: float | None = None

    def subscribe(self, deliver: Callable[["CameraStream", ReceivedImage], None]) -> None:
        """Receive images from now on, with fresh ids and counters; with on_demand only while somebody listens.

        Parameters
        ----------
        deliver
            Called with every image, in the executor's thread.
        """
        self._reset()
        self._deliver = deliver
        if self._parameters.on_demand:
            self._demand_timer = self._node.create_timer(DEMAND_PERIOD, self._follow_demand, clock=STEADY_CLOCK)
            self._follow_demand()
        else:
            self._resume()

    def unsubscribe(self) -> None:
        """Stop receiving, so that the camera's driver may rest."""
        if self._demand_timer is not None:
            self._node.destroy_timer(self._demand_timer)
            self._demand_timer = None
        self._pause()

    @property
    def is_paused(self) -> bool:
        """Whether nothing is received because nobody listens."""
        return self._demand_timer is not None and not self._subscriptions

    def _follow_demand(self) -> None:
        has_listeners = self.publishers.has_listeners
        if self.is_paused and has_listeners:
            self._resume()
        elif not self.is_paused and not has_listeners:
            self._pause()

    def _resume(self) -> None:
        """Subscribe; tracks and counters go on."""
        self._subscribed = time.monotonic()
        self.image_monitor = ImageMonitor()  # images that were the same before a pause are no frozen camera
        self._silence_timer = self._node.create_timer(WARNING_PERIOD, self._warn_of_silence, clock=STEADY_CLOCK)
        self._create_subscription(CameraInfo, self.info_topic, self._receive_info)
        self._create_subscription(self._image_type, self.image_topic, self._receive_image, self._count_lost)
        if self._parameters.depth:
            self._create_subscription(Image, depth_topic(self._node, self.name), self._receive_depth)

    def _pause(self) -> None:
        if self._silence_timer is not None:
            self._node.destroy_timer(self._silence_timer)
            self._silence_timer = None
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def close(self) -> None:
        """Withdraw the topics."""
        self.unsubscribe()
        self.publishers.close()

    def intrinsics_of(self, width: int, height: int, field_of_view: float | None) -> ImageIntrinsics:
        """Intrinsics of an image; logs why the camera_info is not used.

        Parameters
        ----------
        width, height
            Of the image in pixels.
        field_of_view
            Degrees along the longer side of the image, assumed where there is no usable camera_info; ``None``: assume
            nothing.
        """
        info = self._info
        if info is None:
            self._warn_of_missing_info(field_of_view)
        else:
            try:
                return calibrated_intrinsics(self._calibration.read(info, width, height, rectified=self._is_rectified))
            except CameraInfoError as error:
                self._warn_of_intrinsics(f"camera_info on {self.info_topic} is not used: {error}", field_of_view)
        return assumed_intrinsics(width, height, field_of_view)

    def forget_hands_of_another_size(self, image_shape: tuple[int, ...]) -> None:
        """Forget the tracked hands if the image's size is new: their pixels mean something else."""
        if self._image_shape not in (None, image_shape):
            self.tracker.forget()
        self._image_shape = image_shape

    def silent_for(self, now: float) -> float:
        """Seconds since the last image; before the first since the node subscribed, since then."""
        return now - max(self.counters.last_image or 0.0, self._subscribed)

    def _create_subscription(
        self, kind: type, topic: str, callback: Callable[[Any], None], message_lost: Callable[[Any], None] | None = None
    ) -> None:
        subscription = subscribe(self._node, kind, topic, callback, IMAGE_QOS, self.logger, message_lost)
        self._subscriptions.append(subscription)

    def _receive_image(self, message: ImageMessage) -> None:
        if self._silence_timer is not None:
            self._silence_timer.cancel()
        self.counters.last_image = arrived = time.monotonic()
        self.counters.received += 1
        now = self._node.get_clock().now()
        image_time = self._clock.read(nanoseconds(message.header.stamp), self._reception.now(), now.nanoseconds)
        if image_time is None:
            self.counters.late += 1
            return
        if image_time.problem is not None:
            self._report_stamp(image_time.problem)
        self._deliver(self, ReceivedImage(message, image_time, now.to_msg(), arrived))

    def _receive_depth(self, message: Image) -> None:
        self.depth_images.add(message, self._reception.now())

    def _report_stamp(self, problem: StampProblem) -> None:
        if self.counters.stamps.add(problem):
            self.logger.warning(
                f"the stamps of {self.image_topic} {problem.value}. Until then the time of reception is used; messages "
                "carry the stamps as they are"
            )

    def _receive_info(self, info: CameraInfo) -> None:
        self._info = info

    def _count_lost(self, event: Any) -> None:
        self.counters.lost += newly_lost(event.total_count_change)
        warning = lost_images_warning(self.counters.lost, self.counters.received, self.image_topic)
        if warning is not None:
            self.logger.warning(warning, throttle_duration_sec=WARNING_PERIOD)

    def _warn_of_silence(self) -> None:
        publishers = self._node.count_publishers(self.image_topic)
        if publishers == 0:
            remappable = in_camera_namespace(self.name, "image")
            remedy = f"nobody publishes there; name the camera's topic with --ros-args -r {remappable}:=<topic>"
        else:
            remedy = f"it has {publishers} publisher(s). {large_images_remedy(self.image_topic)}"
        self.logger.warning(f"no image yet on {self.image_topic}: {remedy}")

    def _warn_of_missing_info(self, field_of_view: float | None) -> None:
        now = time.monotonic()
        self._first_image = self._first_image or now
        if field_of_view is None and now - self._first_image >= CAMERA_INFO_PATIENCE:
            self._warn_of_intrinsics(
                f"images arrive on {self.image_topic}, but no camera_info on {self.info_topic}: publish it there, or "
                "remap with -r camera_info:=<topic>",
                field_of_view,
            )

    def _warn_of_intrinsics(self, problem: str, field_of_view: float | None) -> None:
        if field_of_view is None:
            consequence = "only pixels are published, nothing in metres; -p field_of_view:=<degrees> assumes a camera"
        else:
            consequence = f"a field of view of {field_of_view:g} degrees is assumed"
        self.logger.warning(f"{problem}. Until then {consequence}.", throttle_duration_sec=WARNING_PERIOD)


def _is_rectified(rectification: str, topic: str) -> bool:
    if rectification == "auto":
        return is_rectified(topic)
    return rectification == "rectified"
