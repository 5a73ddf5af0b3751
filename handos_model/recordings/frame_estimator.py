"""Frames to tracked hands: the steps between reading and writing."""

from collections import Counter

from handos_model.hand.hand import Hand
from handos_model.hand_size.scaling import scale_hands
from handos_model.inference.depth_alignment import align_to_depth
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.plausibility import check_hands
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.inference.undistortion import undistort
from handos_model.recordings.camera_choice import CameraChoice, FrameCamera
from handos_model.recordings.frame import Frame
from handos_model.recordings.frame_hands import FrameHands


class FrameEstimator:
    """Estimates the hands of one source.

    Parameters
    ----------
    pipeline
        The network.
    choice
        Source of the intrinsics.
    tracking
        Settings for tracking hands through the frames; ``None``: no tracking.
    hand_scale
        Factor by which the hands are larger than the network assumes.
    """

    def __init__(
        self, pipeline: HandPipeline, choice: CameraChoice, tracking: TrackingSettings | None, hand_scale: float
    ) -> None:
        self._pipeline, self._choice, self._tracking, self._hand_scale = pipeline, choice, tracking, hand_scale
        self._tracker = HandTracker()
        self._image_shape: tuple[int, ...] | None = None
        self.rejections: Counter[str] = Counter()
        """Hands that were dropped or lost their metres because they could not be true, by reason."""

    def estimate(self, frame: Frame) -> FrameHands:
        """The hands of the next frame.

        Raises
        ------
        ValueError
            If the camera cannot be the one that took the image.
        """
        camera = self._choice.camera_of(frame)
        hands = self._pipeline(frame.image, camera.intrinsics)
        hands = self._keep_plausible(self._correct_metres(hands, frame, camera), frame, camera)
        if self._tracking is not None:
            if self._image_shape not in (None, frame.image.shape):
                self._tracker.forget()  # pixels mean something else now
            self._image_shape = frame.image.shape
            hands = self._tracker.update(hands, frame.stamp, self._tracking)
            hands = self._keep_plausible(hands, frame, camera)
        return FrameHands(frame, hands, camera)

    def _correct_metres(self, hands: tuple[Hand, ...], frame: Frame, camera: FrameCamera) -> tuple[Hand, ...]:
        """Give the hands their true size, and move them to where the lens and the depth image see them."""
        if camera.intrinsics is None:
            return hands
        if camera.lens is not None:
            hands = undistort(hands, camera.intrinsics, camera.lens)
        hands = scale_hands(hands, self._hand_scale)
        if frame.depth is not None:
            hands = align_to_depth(hands, frame.depth, self._pipeline.topology, camera.intrinsics, camera.lens)
        return hands

    def _keep_plausible(self, hands: tuple[Hand, ...], frame: Frame, camera: FrameCamera) -> tuple[Hand, ...]:
        checked = check_hands(hands, frame.image.shape, camera.intrinsics, camera.lens)
        self.rejections.update(checked.rejections)
        return checked.hands
