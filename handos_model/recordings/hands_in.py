"""`hands_in`: the hands of a video, camera or folder of images, for a few lines of Python."""

from collections.abc import Iterator
from pathlib import Path

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.tracking import TrackingSettings
from handos_model.recordings.camera_choice import CameraChoice
from handos_model.recordings.frame_estimator import FrameEstimator
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import open_source


def hands_in(
    source: str | Path,
    *,
    camera: CameraIntrinsics | None = None,
    field_of_view: float | None = None,
    hand_scale: float = 1.0,
    pipeline: HandPipeline | None = None,
) -> Iterator[FrameHands]:
    """Find the hands of every frame of a source, and follow them through videos and cameras.

    Parameters
    ----------
    source
        An image, a folder of images, a video, a camera's number such as "0", or an address such as "rtsp://...".
    camera
        Intrinsics of its images. Without them and `field_of_view` the hands have pixels but no metres.
    field_of_view
        Degrees along the longer side of the images, assumed instead of `camera`; metres are then a guess.
    hand_scale
        Factor by which the hands are larger than the network assumes: `OperatorSize.scale`.
    pipeline
        The network; ``None`` loads the shipped one.

    Returns
    -------
    iterator of FrameHands
        For each frame, when it is asked for, the frame and its hands. Like `FrameSource.frames` it raises for what
        cannot be read.

    Raises
    ------
    FileNotFoundError, SourceError
        If nothing can be read from the source.
    ValueError
        If both `camera` and `field_of_view` are given, or the latter is impossible.
    """
    choice = CameraChoice(camera, field_of_view)
    opened = open_source(source)
    pipeline, tracking = pipeline or HandPipeline.load(), None
    if opened.is_video:
        pipeline, tracking = pipeline.for_tracking(TrackingSettings())
    return map(FrameEstimator(pipeline, choice, tracking, hand_scale).estimate, opened.frames)
