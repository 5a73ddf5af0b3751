"""Measures on a video that shows one hand: how steadily it is seen, on which side, and how calm its joints are."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from handos_model.benchmarks.metrics import percentage_correct, relative_pixel_errors
from handos_model.hand.hand import FloatArray, Hand
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.io.frame import CameraIntrinsics
from handos_model.io.source import FrameSource


@dataclass(frozen=True)
class VideoEvaluation:
    """Summary of a video; of each frame the best hand counts."""

    frames: int
    frames_with_hand: float
    """Share of the frames."""
    side_constancy: float
    """Share of those whose hand has the side that most have, image by image."""
    tracked_side_constancy: float
    """The same of the tracked hands, which the node publishes."""
    jitter: float
    """Median change of a joint's velocity from frame to frame, as a fraction of the hand's longest side."""
    pck_10: float | None
    """PCK@.1 against the reference, over the frames with a hand."""


def read_joints_reference(path: Path) -> list[FloatArray | None]:
    """Joints of one hand for each frame of a video, from a JSON list of 21 x (x, y, ..) pixels, or of nothing.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"reference {path} does not exist: give the JSON file with the joints of each frame")
    try:
        joints = [np.asarray(frame, np.float32) if frame else None for frame in json.loads(path.read_text())]
    except (ValueError, TypeError) as error:
        raise ValueError(f"reference {path} holds no joints ({error}): give another file") from error
    for number, frame in enumerate(joints):
        if frame is not None and (frame.ndim != 2 or len(frame) != JOINT_COUNT or frame.shape[1] < 2):
            raise ValueError(f"reference {path}: frame {number} has the shape {frame.shape}, not 21 x (x, y)")
    return [None if frame is None else frame[:, :2] for frame in joints]


def evaluate_video(
    pipeline: HandPipeline, source: FrameSource, reference: list[FloatArray | None] | None, field_of_view: float
) -> VideoEvaluation:
    """Run the pipeline over a video.

    Parameters
    ----------
    pipeline, source
        What is evaluated, and on what.
    reference
        (21, 2) joints of each frame in pixels, ``None`` where there is no hand.
    field_of_view
        Degrees along the longer side, assumed of the camera.
    """
    seen, tracked = list[Hand | None](), list[Hand]()
    tracker, settings = HandTracker(), TrackingSettings(smoothing=None)
    for frame in tqdm(source.frames, unit=" frames", total=source.frame_count, disable=None):
        height, width = frame.image.shape[:2]
        hands = pipeline(frame.image, CameraIntrinsics.from_field_of_view(width, height, field_of_view))
        seen.append(hands[0] if hands else None)
        # Those seen come first, in the order given; smoothing would not change their sides.
        tracked += tracker.update(hands, frame.stamp, settings)[: min(len(hands), 1)]
    found = [hand for hand in seen if hand is not None]
    return VideoEvaluation(
        frames=len(seen),
        frames_with_hand=len(found) / max(len(seen), 1),
        side_constancy=_side_constancy(found),
        tracked_side_constancy=_side_constancy(tracked),
        jitter=_jitter(seen),
        pck_10=None if reference is None else _pck_10(seen, reference),
    )


def _side_constancy(hands: list[Hand]) -> float:
    sides = Counter(hand.handedness for hand in hands)
    return max(sides.values(), default=0) / max(len(hands), 1)


def _jitter(seen: list[Hand | None]) -> float:
    changes = []
    for before, now, after in zip(seen, seen[1:], seen[2:], strict=False):
        if before is not None and now is not None and after is not None:
            change = np.linalg.norm(before.joints_2d - 2 * now.joints_2d + after.joints_2d, axis=-1)
            changes.append(change / np.ptp(now.joints_2d, axis=0).max())
    return float(np.median(changes)) if changes else float("nan")


def _pck_10(seen: list[Hand | None], reference: list[FloatArray | None]) -> float:
    if len(reference) != len(seen):
        raise ValueError(
            f"the reference has {len(reference)} frames, the video {len(seen)}: give the reference of this video"
        )
    shares = [
        percentage_correct(relative_pixel_errors(hand.joints_2d, true), 0.1)
        for hand, true in zip(seen, reference, strict=True)
        if hand is not None and true is not None
    ]
    return float(np.mean(shares)) if shares else float("nan")
