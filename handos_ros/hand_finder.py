"""Image messages to tracked hands: the steps between receiving and publishing."""

from collections import defaultdict
from dataclasses import dataclass

from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.time import Time

from handos_model import HandPipeline
from handos_model.hand.hand import FloatArray, Hand
from handos_model.inference.depth_correction import placed_by_depth
from handos_model.inference.lens_distortion import straightened
from handos_model.inference.tracking import HandTracker
from handos_model.io.frame import ImageArray
from handos_ros.camera import WARNING_PERIOD, ReceivedImage
from handos_ros.image_decoding import ImageDecodingError, decode_image
from handos_ros.intrinsics import ImageIntrinsics
from handos_ros.parameters import NodeParameters


@dataclass(frozen=True)
class FoundHands:
    """An image and its hands."""

    picture: ImageArray
    intrinsics: ImageIntrinsics
    hands: tuple[Hand, ...]


class HandFinder:
    """Finds and follows the hands of all cameras with one network.

    Parameters
    ----------
    pipeline
        Network and topology; thresholds are those of the parameters.
    parameters
        What the node was told.
    logger
        Told of depth images that cannot be used.
    """

    def __init__(self, pipeline: HandPipeline, parameters: NodeParameters, logger: RcutilsLogger) -> None:
        self._pipeline, self._logger = pipeline, logger
        self._trackers: defaultdict[str, HandTracker] = defaultdict(HandTracker)
        self.use(parameters)

    def use(self, parameters: NodeParameters) -> None:
        """Work with other parameters from the next image on; may be called from another thread."""
        self._pipeline = HandPipeline(
            self._pipeline.engine,
            score_threshold=parameters.score_threshold or None,
            max_hands=parameters.max_hands or None,
            topology=self._pipeline.topology,
        )
        self._parameters = parameters

    def find(self, image: ReceivedImage) -> FoundHands:
        """Find the hands of an image.

        Raises
        ------
        ImageDecodingError
            If the message holds no picture.
        """
        parameters, camera = self._parameters, image.camera
        picture = decode_image(image.message)
        height, width = picture.shape[:2]
        stamp = Time.from_msg(image.message.header.stamp)
        intrinsics = camera.intrinsics_of(width, height, parameters.assumed_field_of_view)
        hands = self._pipeline(picture, intrinsics.camera)
        depth = self._depth_of(image, stamp, width, height) if parameters.depth else None
        hands = self._in_metres(hands, intrinsics, depth)
        hands = self._trackers[camera.name].update(hands, stamp.nanoseconds / 1e9, parameters.tracking)
        return FoundHands(picture, intrinsics, hands)

    def _in_metres(
        self, hands: tuple[Hand, ...], intrinsics: ImageIntrinsics, depth: FloatArray | None
    ) -> tuple[Hand, ...]:
        """The hands where the lens and the depth image see them."""
        if intrinsics.camera is None:
            return hands
        if intrinsics.lens is not None:
            hands = straightened(hands, intrinsics.camera, intrinsics.lens)
        if depth is not None:
            hands = placed_by_depth(hands, depth, self._pipeline.topology, intrinsics.camera, intrinsics.lens)
        return hands

    def _depth_of(self, image: ReceivedImage, stamp: Time, width: int, height: int) -> FloatArray | None:
        try:
            depth = image.camera.depth_images.of(stamp, width, height, self._parameters.depth_tolerance)
        except ImageDecodingError as error:
            self._logger.error(f"depth is not used: {error}", throttle_duration_sec=WARNING_PERIOD)
            return None
        if depth is None:
            self._logger.warning(
                f"no depth image within {self._parameters.depth_tolerance:g} s of an image: hands stay where the "
                "picture alone puts them; check the depth topic, or raise depth_tolerance",
                throttle_duration_sec=WARNING_PERIOD,
            )
        return depth
