"""Runs in MediaPipe's virtual environment: the hands that MediaPipe Hands sees in every frame of an array, as JSON.

    python mediapipe_hands.py FRAMES.npy OUT.json

FRAMES are (N, H, W, 3) RGB. Sides are as the picture shows them: MediaPipe names them as if it were a mirror.
"""

import json
import sys
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np

OTHER_SIDE = {"Left": "right", "Right": "left"}


def main() -> None:
    frames, out = np.load(sys.argv[1], mmap_mode="r"), Path(sys.argv[2])
    finder = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=4, model_complexity=1)
    out.write_text(json.dumps([hands_in(finder, np.array(frame)) for frame in frames]))


def hands_in(finder: Any, image: np.ndarray) -> list[dict[str, Any]]:
    """Joints in pixels and in metres around the hand's middle."""
    height, width = image.shape[:2]
    found = finder.process(image)
    hands = zip(
        found.multi_hand_landmarks or (),
        found.multi_hand_world_landmarks or (),
        found.multi_handedness or (),
        strict=True,
    )
    return [
        {
            # Landmarks are fractions of the picture, counted from its corner; pixels from the first one's centre.
            "joints_2d": [[point.x * width - 0.5, point.y * height - 0.5] for point in pixels.landmark],
            "joints_3d": [[point.x, point.y, point.z] for point in metres.landmark],
            "handedness": OTHER_SIDE[side.classification[0].label],
            "score": side.classification[0].score,
        }
        for pixels, metres, side in hands
    ]


if __name__ == "__main__":
    main()
