"""Evaluation on a video of one hand (`handos eval video`): detection rate, handedness, jitter, PCK."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from handos_model.datasets.checked_arrays import checked_array
from handos_model.datasets.joint_convention import JointConvention, to_mesh_joints
from handos_model.evaluation.metrics import pck, relative_pixel_errors
from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.recordings.source import FrameSource


@dataclass(frozen=True)
class VideoEvaluation:
    """Summary of a video; only the best hand of each frame counts."""

    frames: int
    frames_with_hand: float | None
    """Fraction of the frames; ``None`` without frames."""
    handedness_consistency: float | None
    """Fraction of these whose hand has the most frequent handedness, frame by frame; ``None`` without hands."""
    tracked_handedness_consistency: float | None
    """The same for tracked hands, which the node publishes."""
    jitter: float | None
    """Median change of a joint's velocity from frame to frame, as a fraction of the hand's longest side; ``None``
    without three consecutive frames with a hand."""
    has_reference: bool
    pck_10: float | None
    """PCK@.1 against the reference, over the frames with a hand; ``None`` without a reference, or if no frame has both
    a hand and a reference."""


def read_joints_reference(path: Path, convention: JointConvention) -> list[FloatArray | None]:
    """Read the joints of one hand per frame from a JSON list of 21 x (x, y, ..) pixels, empty for frames without.

    They are where `convention` has them, and returned as the mesh has them.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it contains something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"reference {path} does not exist: give the JSON file with the joints of each frame")
    try:
        joints = [np.asarray(frame, np.float32) if frame else None for frame in json.loads(path.read_text())]
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"reference {path} contains no joints ({error}): give another file") from error
    for number, frame in enumerate(joints):
        if frame is not None and (frame.ndim != 2 or len(frame) != JOINT_COUNT or frame.shape[1] < 2):
            raise ValueError(f"reference {path}: frame {number} has the shape {frame.shape}, not 21 x (x, y)")
        if frame is not None:
            checked_array(frame[:, :2], (JOINT_COUNT, 2), f"reference {path}: frame {number}")
    return [None if frame is None else to_mesh_joints(frame[:, :2], convention) for frame in joints]


def evaluate_video(
    pipeline: HandPipeline, source: FrameSource, reference: list[FloatArray | None] | None, field_of_view: float
) -> VideoEvaluation:
    """Run the pipeline over a video.

    Parameters
    ----------
    pipeline, source
        The pipeline to evaluate, and the video.
    reference
        (21, 2) joints of each frame in pixels, ``None`` where there is no hand.
    field_of_view
        Degrees along the longer side, assumed for the camera.
    """
    best, tracked = list[Hand | None](), list[Hand]()
    tracker, settings = HandTracker(), TrackingSettings(smoothing=None)
    for frame in tqdm(source.frames, unit=" frames", total=source.frame_count, disable=None):
        height, width = frame.image.shape[:2]
        hands = pipeline(frame.image, CameraIntrinsics.from_field_of_view(width, height, field_of_view))
        best.append(hands[0] if hands else None)
        # Detected hands come first, in the order given. Smoothing would not change their handedness.
        tracked += tracker.update(hands, frame.stamp, settings)[: min(len(hands), 1)]
    detected = [hand for hand in best if hand is not None]
    return VideoEvaluation(
        frames=len(best),
        frames_with_hand=len(detected) / len(best) if best else None,
        handedness_consistency=_handedness_consistency(detected),
        tracked_handedness_consistency=_handedness_consistency(tracked),
        jitter=_jitter(best),
        has_reference=reference is not None,
        pck_10=None if reference is None else _pck_10(best, reference),
    )


def _handedness_consistency(hands: list[Hand]) -> float | None:
    sides = Counter(hand.handedness for hand in hands)
    return max(sides.values()) / len(hands) if hands else None


def _jitter(hands: list[Hand | None]) -> float | None:
    changes = []
    for before, now, after in zip(hands, hands[1:], hands[2:], strict=False):
        if before is not None and now is not None and after is not None:
            change = np.linalg.norm(before.joints_2d - 2 * now.joints_2d + after.joints_2d, axis=-1)
            side = np.ptp(now.joints_2d, axis=0).max()
            if side > 0:
                changes.append(change / side)
    return float(np.median(changes)) if changes else None


def _pck_10(hands: list[Hand | None], reference: list[FloatArray | None]) -> float | None:
    if len(reference) != len(hands):
        raise ValueError(
            f"the reference has {len(reference)} frames, the video {len(hands)}: give the reference of this video"
        )
    fractions = [
        pck(relative_pixel_errors(hand.joints_2d, target), 0.1)
        for hand, target in zip(hands, reference, strict=True)
        if hand is not None and target is not None
    ]
    return float(np.mean(fractions)) if fractions else None
