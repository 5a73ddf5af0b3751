"""The thread that does the work: takes the newest image of a camera, estimates its hands, publishes them."""

import threading
import time
import traceback
from collections import deque
from typing import Final

from rclpy.node import Node

from handos_model.files.image_messages import ImageDecodingError
from handos_model.inference.output_check import NetworkOutputError
from handos_ros.camera_stream import WARNING_PERIOD, CameraStream, ReceivedImage
from handos_ros.counters import ErrorCounters
from handos_ros.hand_estimator import HandEstimator
from handos_ros.live_parameters import LiveParameters
from handos_ros.messages import ImageRecord
from handos_ros.parameters import NodeParameters

EXPLAINED_ERRORS: Final = (ImageDecodingError, NetworkOutputError)
"""Errors of single images whose message says everything."""


class Worker:
    """Processes one image at a time, from construction until it is stopped.

    Of each camera only the newest image waits, so a slow worker gets fresh images and not a queue of old ones. Cameras
    are served in turn, however fast each is. An error costs its image and is counted; the next image is processed as
    usual.

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
        self._node, self._estimator, self._parameters, self._errors = node, estimator, parameters, errors
        self._changed = threading.Condition()
        self._waiting: deque[CameraStream] = deque()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def deliver(self, stream: CameraStream, image: ReceivedImage) -> None:
        """Queue an image of a camera; may be called from another thread, like `stop`."""
        with self._changed:
            if stream.offer(image):
                self._waiting.append(stream)
            self._changed.notify()

    def stop(self) -> None:
        """Finish the current image and end the thread."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join()

    def _take(self) -> tuple[CameraStream, ReceivedImage] | None:
        """Wait for the image of the camera that has waited longest; ``None`` once stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopping)
            if self._is_stopping:
                return None
            stream = self._waiting.popleft()
            return stream, stream.take_newest()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            stream, image = taken
            try:
                self._process(stream, image, self._parameters.current)
            except EXPLAINED_ERRORS as error:
                self._errors.add(str(error))
                stream.logger.error(f"{stream.image_topic}: {error}", throttle_duration_sec=WARNING_PERIOD)
            except Exception as error:  # whatever it was, the next image may be better
                if not self._node.context.ok():
                    return  # a signal arrived while this image was processed: nobody is left to publish to
                self._errors.add(f"{type(error).__name__}: {error}")
                stream.logger.error(
                    f"skipped an image of {stream.image_topic} because of an error:\n{traceback.format_exc()}",
                    throttle_duration_sec=WARNING_PERIOD,
                )

    def _process(self, stream: CameraStream, image: ReceivedImage, parameters: NodeParameters) -> None:
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
        publication = stream.publishers.publish(estimate.image, estimate.hands, record, with_meshes=parameters.meshes)
        stream.counters.published += 1
        stream.counters.hands = len(estimate.hands)
        stream.counters.latencies.append((publication.finished - image.arrived) * 1000)
        stream.counters.transforms.add(publication.missing_transform)
        if publication.missing_transform:
            stream.logger.warning(
                f"poses of {stream.image_topic} are not published: {publication.missing_transform}",
                throttle_duration_sec=WARNING_PERIOD,
            )


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
