"""The threads that do the work: one estimates the hands and publishes them, two others what is derived from them."""

import time

from rclpy.node import Node

from handos_ros.diagnostics.counters import ErrorCounters
from handos_ros.diagnostics.node_log import WARNING_PERIOD
from handos_ros.estimation.camera_stream import CameraStream, ReceivedImage
from handos_ros.estimation.hand_estimator import HandEstimator
from handos_ros.estimation.image_thread import ImageThread
from handos_ros.messages.hand_messages import ImageRecord
from handos_ros.outputs.camera_publishers import FoundHands
from handos_ros.parameters.live_parameters import LiveParameters
from handos_ros.parameters.node_parameters import NodeParameters


class Worker:
    """Processes one image at a time, from construction until it is stopped.

    Of each camera only the newest image waits, so a slow worker gets fresh images and not a queue of old ones. What
    else is published about an image is made in threads of its own, from the newest hands: neither a drawing nor a
    transform that is waited for delays hands, and no drawing delays poses. Drawings are begun while no image waits, but
    at least every tenth of a second.

    Parameters
    ----------
    node
        Tells the time and logs.
    estimator
        Estimates the hands.
    parameters
        Read for every image.
    errors
        Counts errors.
    """

    def __init__(
        self, node: Node, estimator: HandEstimator, parameters: LiveParameters[NodeParameters], errors: ErrorCounters
    ) -> None:
        self._node, self._estimator, self._parameters = node, estimator, parameters
        self._hands = ImageThread("hands", self._process, "an image", node, errors)
        self._poses = ImageThread("poses", _publish_poses, "the poses of an image", node, errors)
        # A network on the CPU keeps all cores busy: what is drawn beside it takes its time away.
        self._drawings = ImageThread("drawings", _draw, "the drawings of an image", node, errors, self._hands)

    def deliver(self, stream: CameraStream, image: ReceivedImage) -> None:
        """Queue an image of a camera; may be called from another thread, like `stop`."""
        stream.counters.replaced += self._hands.offer(stream, image)

    def stop(self) -> None:
        """Finish what is being made and end the threads."""
        for thread in (self._hands, self._poses, self._drawings):
            thread.stop()

    def _process(self, stream: CameraStream, image: ReceivedImage) -> None:
        parameters = self._parameters.current
        started = self._node.get_clock().now().to_msg()
        if _is_too_old(stream, image, parameters.max_age):
            stream.counters.too_old += 1
            return
        estimate = self._estimator.estimate(stream, image, parameters)
        record = ImageRecord(
            header=image.message.header,
            intrinsics=estimate.intrinsics,
            received=image.received,
            started=started,
            dropped=stream.counters.dropped,
            operator=estimate.operator,
        )
        found = FoundHands(estimate.image, estimate.hands, record)
        finished = stream.publishers.publish_hands(found, with_meshes=parameters.meshes)
        stream.counters.published += 1
        stream.counters.hands = len(estimate.hands)
        stream.counters.latencies.append((finished - image.arrived) * 1000)
        self._hand_on(stream, found)

    def _hand_on(self, stream: CameraStream, found: FoundHands) -> None:
        """Let the other threads publish what somebody listens to."""
        if stream.publishers.are_poses_heard:
            stream.counters.poses_dropped += self._poses.offer(stream, found)
        else:
            stream.counters.transforms.forget()
        if stream.publishers.are_drawings_heard:
            stream.counters.drawings_dropped += self._drawings.offer(stream, found)


def _publish_poses(stream: CameraStream, found: FoundHands) -> None:
    missing_transform = stream.publishers.publish_poses(found)
    stream.counters.transforms.add(missing_transform)
    if missing_transform:
        stream.logger.warning(
            f"poses of {stream.image_topic} are not published: {missing_transform}",
            throttle_duration_sec=WARNING_PERIOD,
        )


def _draw(stream: CameraStream, found: FoundHands) -> None:
    stream.publishers.publish_drawings(found)


def _is_too_old(stream: CameraStream, image: ReceivedImage, max_age: float) -> bool:
    age = image.time.age + time.monotonic() - image.arrived
    if not max_age or age <= max_age:
        return False
    stream.logger.warning(
        f"an image of {stream.image_topic} is dropped because it is {age:.3g} s old and max_age is {max_age:g}: check "
        "the camera's clock, set use_sim_time when playing a bag, or raise max_age",
        throttle_duration_sec=WARNING_PERIOD,
    )
    return True
