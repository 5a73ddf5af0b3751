"""Image messages to tracked hands: the steps between receiving and publishing."""

from dataclasses import dataclass

from rclpy.time import Time

from handos_model import HandPipeline
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.hand.hand import Hand
from handos_model.inference.depth_alignment import align_to_depth
from handos_model.inference.undistortion import undistort
from handos_ros.camera_stream import WARNING_PERIOD, CameraStream, ReceivedImage
from handos_ros.image_decoding import ImageDecodingError, decode_image
from handos_ros.intrinsics import ImageIntrinsics
from handos_ros.parameters import NodeParameters


@dataclass(frozen=True)
class HandEstimate:
    """An image and its hands."""

    image: ImageArray
    intrinsics: ImageIntrinsics
    hands: tuple[Hand, ...]


class HandEstimator:
    """Estimates and tracks the hands of all cameras with one network.

    Parameters
    ----------
    pipeline
        Network and topology; its thresholds are replaced by those of the node's parameters.
    """

    def __init__(self, pipeline: HandPipeline) -> None:
        self._pipeline = pipeline

    def estimate(self, stream: CameraStream, received: ReceivedImage, parameters: NodeParameters) -> HandEstimate:
        """Decode an image, estimate its hands, place them in metres, track them.

        Raises
        ------
        ImageDecodingError
            If the message holds no image.
        """
        image = decode_image(received.message)
        height, width = image.shape[:2]
        stamp = Time.from_msg(received.message.header.stamp)
        intrinsics = stream.intrinsics_of(width, height, parameters.assumed_field_of_view)
        hands = self._pipeline_for(parameters)(image, intrinsics.camera)
        depth = _depth_at(stream, stamp, width, height, parameters.depth_tolerance) if parameters.depth else None
        hands = self._correct_metres(hands, intrinsics, depth)
        hands = stream.tracker.update(hands, stamp.nanoseconds / 1e9, parameters.tracking)
        return HandEstimate(image, intrinsics, hands)

    def _pipeline_for(self, parameters: NodeParameters) -> HandPipeline:
        return HandPipeline(
            self._pipeline.engine,
            score_threshold=parameters.score_threshold or None,
            max_hands=parameters.max_hands or None,
            topology=self._pipeline.topology,
        )

    def _correct_metres(
        self, hands: tuple[Hand, ...], intrinsics: ImageIntrinsics, depth: FloatArray | None
    ) -> tuple[Hand, ...]:
        """Move the hands to where the lens and the depth image see them."""
        if intrinsics.camera is None:
            return hands
        if intrinsics.lens is not None:
            hands = undistort(hands, intrinsics.camera, intrinsics.lens)
        if depth is not None:
            hands = align_to_depth(hands, depth, self._pipeline.topology, intrinsics.camera, intrinsics.lens)
        return hands


def _depth_at(stream: CameraStream, stamp: Time, width: int, height: int, tolerance: float) -> FloatArray | None:
    try:
        depth = stream.depth_images.at(stamp, width, height, tolerance)
    except ImageDecodingError as error:
        stream.logger.error(f"depth is not used: {error}", throttle_duration_sec=WARNING_PERIOD)
        return None
    if depth is None:
        stream.logger.warning(
            f"no depth image within {tolerance:g} s of an image: hands stay where the image alone puts them; check the "
            "depth topic, or raise depth_tolerance",
            throttle_duration_sec=WARNING_PERIOD,
        )
    return depth
