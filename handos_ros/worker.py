"""The thread that does the work: takes images out of the mailbox, finds hands, publishes them."""

import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

from builtin_interfaces.msg import Time as TimeMessage
from rclpy.node import Node
from rclpy.time import Time

from handos_ros.camera import WARNING_PERIOD, ReceivedImage
from handos_ros.hand_finder import HandFinder
from handos_ros.image_decoding import ImageDecodingError
from handos_ros.mailbox import Mailbox
from handos_ros.messages import ImageRecord
from handos_ros.outputs import CameraOutputs
from handos_ros.parameters import NodeParameters
from handos_ros.statistics import CameraStatistics, ErrorStatistics


@dataclass
class CameraWork:
    """Where the results of one camera go."""

    outputs: CameraOutputs
    statistics: CameraStatistics = field(default_factory=CameraStatistics)


class Worker:
    """Works on one image at a time, from its construction until it is stopped.

    An error costs its image and is counted; the next image is taken as if nothing had happened.

    Parameters
    ----------
    node
        Tells the time and logs.
    finder
        Finds the hands.
    cameras
        Where the results go, by the camera's name.
    errors
        Counts errors.
    parameters
        What the node was told.
    """

    def __init__(
        self,
        node: Node,
        finder: HandFinder,
        cameras: Mapping[str, CameraWork],
        errors: ErrorStatistics,
        parameters: NodeParameters,
    ) -> None:
        self._node, self._finder, self._cameras, self._errors = node, finder, cameras, errors
        self._parameters = parameters
        self._mailbox: Mailbox[ReceivedImage] = Mailbox()
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)
        self._thread.start()

    def deliver(self, image: ReceivedImage) -> None:
        """Leave an image to be worked on; may be called from another thread, as all public methods."""
        self._mailbox.put(image.camera.name, image)

    def use(self, parameters: NodeParameters) -> None:
        """Work with other parameters from the next image on."""
        self._finder.use(parameters)
        self._parameters = parameters

    def dropped(self, camera: str) -> int:
        """Images of a camera that were skipped, because a newer one had arrived or because they were too old."""
        return self._mailbox.dropped(camera) + self._cameras[camera].statistics.too_old

    def stop(self) -> None:
        """Let the worker finish its image."""
        self._mailbox.close()
        self._thread.join()

    def _work(self) -> None:
        """Body of the thread."""
        logger = self._node.get_logger()
        while (image := self._mailbox.take()) is not None:
            try:
                self._process(image)
            except ImageDecodingError as error:
                self._errors.add(str(error))
                logger.error(f"{image.camera.image_topic}: {error}", throttle_duration_sec=WARNING_PERIOD)
            except Exception as error:  # whatever it was, the next image may be better
                if not self._node.context.ok():
                    return  # a signal came in the middle of this image: there is nobody left to publish to
                self._errors.add(f"{type(error).__name__}: {error}")
                logger.error(
                    f"skipped an image of {image.camera.image_topic} because of an error:\n{traceback.format_exc()}",
                    throttle_duration_sec=WARNING_PERIOD,
                )

    def _process(self, image: ReceivedImage) -> None:
        started = self._now()
        work = self._cameras[image.camera.name]
        if self._is_too_old(image, started):
            work.statistics.too_old += 1
            return
        found = self._finder.find(image)
        record = ImageRecord(
            header=image.message.header,
            intrinsics=found.intrinsics,
            received=image.received,
            started=started,
            dropped=self.dropped(image.camera.name),
        )
        finished = work.outputs.publish(found, record, with_meshes=self._parameters.meshes)
        work.statistics.published += 1
        work.statistics.hands = len(found.hands)
        work.statistics.latencies.append(_seconds_between(image.received, finished) * 1000)

    def _is_too_old(self, image: ReceivedImage, now: TimeMessage) -> bool:
        age = _seconds_between(image.message.header.stamp, now)
        if not self._parameters.max_age or age <= self._parameters.max_age:
            return False
        self._node.get_logger().warning(
            f"an image of {image.camera.image_topic} is dropped because it is {age:.3g} s old and max_age is "
            f"{self._parameters.max_age:g}: check the camera's clock, set use_sim_time where a bag is played, or raise "
            "max_age",
            throttle_duration_sec=WARNING_PERIOD,
        )
        return True

    def _now(self) -> TimeMessage:
        return self._node.get_clock().now().to_msg()


def _seconds_between(earlier: TimeMessage, later: TimeMessage) -> float:
    return (Time.from_msg(later) - Time.from_msg(earlier)).nanoseconds / 1e9
