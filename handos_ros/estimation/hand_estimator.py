"""Image messages to tracked hands: the steps between receiving and publishing."""

from dataclasses import dataclass

from handos_model import HandPipeline
from handos_model.files.image_messages import ImageDecodingError
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.geometry.depth_residual import DepthRange
from handos_model.hand.hand import Hand
from handos_model.hand_size.operator_size import OperatorSize
from handos_model.hand_size.scaling import scale_hands
from handos_model.inference.depth_alignment import align_to_depth
from handos_model.inference.plausibility import PlausibilityLimits, check_hands
from handos_model.inference.tracking import TrackingSettings
from handos_model.inference.undistortion import undistort
from handos_ros.clocks.stamps import nanoseconds
from handos_ros.diagnostics.node_log import WARNING_PERIOD
from handos_ros.estimation.camera_stream import CameraStream, ReceivedImage
from handos_ros.estimation.operator_calibration import OperatorCalibration
from handos_ros.images.image_decoding import decode_image
from handos_ros.images.intrinsics import ImageIntrinsics
from handos_ros.parameters.node_parameters import NodeParameters


@dataclass(frozen=True)
class HandEstimate:
    """An image and its hands."""

    image: ImageArray
    intrinsics: ImageIntrinsics
    hands: tuple[Hand, ...]
    operator: OperatorSize | None
    """What the hands were scaled to; ``None``: nothing."""


@dataclass(frozen=True)
class _Settings:
    parameters: NodeParameters
    """What the others are made from."""
    pipeline: HandPipeline
    tracking: TrackingSettings
    plausibility: PlausibilityLimits


class HandEstimator:
    """Estimates and tracks the hands of all cameras with one network.

    Parameters
    ----------
    pipeline
        Network and topology; its thresholds are replaced by those of the node's parameters.
    operator
        Knows the size of the operator's hands, or learns it from depth images.
    """

    def __init__(self, pipeline: HandPipeline, operator: OperatorCalibration) -> None:
        self._pipeline, self._operator = pipeline, operator
        self._settings: _Settings | None = None

    def estimate(self, stream: CameraStream, received: ReceivedImage, parameters: NodeParameters) -> HandEstimate:
        """Decode an image, estimate its hands, place them in metres, track them.

        Raises
        ------
        ImageDecodingError
            If the message holds no image.
        """
        image = _decode(stream, received)
        height, width = image.shape[:2]
        intrinsics = stream.intrinsics_of(width, height, parameters.assumed_field_of_view)
        settings = self._settings_of(parameters)
        hands = settings.pipeline(image, intrinsics.camera)
        depth = _depth_of(stream, received, width, height, parameters.depth_tolerance) if parameters.depth else None
        operator = self._operator.size  # may be learned meanwhile
        hands = self._correct_metres(hands, intrinsics, operator, depth, parameters.depth_range)
        hands = _keep_plausible(hands, stream, image, intrinsics, settings.plausibility)
        self._operator.observe(hands, image.shape, operator, received.arrived)
        hands = _track(hands, stream, received, image, settings.tracking)
        hands = _keep_plausible(hands, stream, image, intrinsics, settings.plausibility)
        if not parameters.publish_tentative:
            hands = tuple(hand for hand in hands if not hand.tentative)
        return HandEstimate(image, intrinsics, hands, operator)

    def _settings_of(self, parameters: NodeParameters) -> "_Settings":
        """Settings from the parameters, which rarely change."""
        if self._settings is None or self._settings.parameters is not parameters:
            pipeline, tracking = self._pipeline.for_tracking(
                parameters.tracking,
                parameters.score_threshold or None,
                keep_threshold=parameters.keep_threshold or None,
                max_hands=parameters.max_hands or None,
            )
            self._settings = _Settings(parameters, pipeline, tracking, parameters.plausibility)
        return self._settings

    def _correct_metres(
        self,
        hands: tuple[Hand, ...],
        intrinsics: ImageIntrinsics,
        operator: OperatorSize | None,
        depth: FloatArray | None,
        depth_range: DepthRange,
    ) -> tuple[Hand, ...]:
        """Give the hands the operator's size, and move them to where the lens and the depth image see them."""
        if intrinsics.camera is None:
            return hands
        if intrinsics.lens is not None:
            hands = undistort(hands, intrinsics.camera, intrinsics.lens)
        if operator is not None:
            hands = scale_hands(hands, operator.scale)
        if depth is not None:
            topology = self._pipeline.topology
            hands = align_to_depth(hands, depth, topology, intrinsics.camera, intrinsics.lens, depth_range)
        return hands


def _decode(stream: CameraStream, received: ReceivedImage) -> ImageArray:
    bits = stream.signal_range.bits
    image = decode_image(received.message, stream.signal_range)
    if stream.signal_range.bits != bits:
        stream.logger.info(
            f"the images on {stream.image_topic} use {stream.signal_range.bits} of 16 bits so far: set parameter "
            "signal_bits if it is another number"
        )
    stream.image_monitor.look_at(image, received.arrived)
    return image


def _keep_plausible(
    hands: tuple[Hand, ...],
    stream: CameraStream,
    image: ImageArray,
    intrinsics: ImageIntrinsics,
    limits: PlausibilityLimits,
) -> tuple[Hand, ...]:
    checked = check_hands(hands, image.shape, intrinsics.camera, intrinsics.lens, limits)
    stream.counters.rejections.update(checked.rejections)
    return checked.hands


def _track(
    hands: tuple[Hand, ...],
    stream: CameraStream,
    received: ReceivedImage,
    image: ImageArray,
    settings: TrackingSettings,
) -> tuple[Hand, ...]:
    time = received.time
    stream.forget_hands_of_another_size(image.shape)
    try:
        return stream.tracker.update(hands, time.seconds, settings, received=time.received)
    except Exception:
        stream.tracker.forget()  # whatever state the error left must not cost the next image
        raise


def _depth_of(
    stream: CameraStream, image: ReceivedImage, width: int, height: int, tolerance: float
) -> FloatArray | None:
    stamp = nanoseconds(image.message.header.stamp)
    try:
        depth = stream.depth_images.at(stamp, image.time.received, width, height, tolerance)
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
