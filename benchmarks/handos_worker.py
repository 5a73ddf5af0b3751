"""Worker of `against_mediapipe.py`: HandOS, from a BGR image to hands with meshes in metres."""

import sys
from collections.abc import Callable
from itertools import count

import numpy as np
from timing_worker import serve

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.inference.tracking import TrackingSettings
from handos_model.recordings.camera_choice import CameraChoice
from handos_model.recordings.frame import Frame
from handos_model.recordings.frame_estimator import FrameEstimator

FIELD_OF_VIEW = 60


def main() -> None:
    weights, backend, frame_rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
    pipeline = HandPipeline.load(weights or None, backend, max_hands=2)  # type: ignore[arg-type]
    print(pipeline.engine.description, file=sys.stderr)
    serve(in_video(pipeline, frame_rate) if frame_rate else in_images(pipeline))


def in_images(pipeline: HandPipeline) -> Callable[[np.ndarray], int]:
    """Look at each image alone."""

    def find_hands(image: np.ndarray) -> int:
        height, width = image.shape[:2]
        return len(pipeline(image, CameraIntrinsics.from_field_of_view(width, height, FIELD_OF_VIEW)))

    return find_hands


def in_video(pipeline: HandPipeline, frame_rate: float) -> Callable[[np.ndarray], int]:
    """Follow the hands, as `handos run --track` does."""
    pipeline, tracking = pipeline.for_tracking(TrackingSettings())
    estimator, indices = FrameEstimator(pipeline, CameraChoice(field_of_view=FIELD_OF_VIEW), tracking, 1.0), count()

    def find_hands(image: np.ndarray) -> int:
        index = next(indices)
        hands = estimator.estimate(Frame(image, "frames", index, index / frame_rate)).hands
        return sum(not hand.coasting for hand in hands)

    return find_hands


if __name__ == "__main__":
    main()
