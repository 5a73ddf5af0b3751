"""Runs MediaPipe Hands on every frame of an array and writes the hands as JSON; needs MediaPipe's virtual environment.

    python mediapipe_hands.py FRAMES.npy OUT.json

FRAMES are (N, H, W, 3) RGB. Sides are swapped, because MediaPipe assumes mirrored images.
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
    detector = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=4, model_complexity=1)
    out.write_text(json.dumps([find_hands(detector, np.array(frame)) for frame in frames]))


def find_hands(detector: Any, image: np.ndarray) -> list[dict[str, Any]]:
    """Joints in pixels, and in metres relative to the hand's centre."""
    height, width = image.shape[:2]
    result = detector.process(image)
    hands = zip(
        result.multi_hand_landmarks or (),
        result.multi_hand_world_landmarks or (),
        result.multi_handedness or (),
        strict=True,
    )
    return [
        {
            # Landmarks are fractions of the image from its corner; the centre of the first pixel is (0, 0).
            "joints_2d": [[point.x * width - 0.5, point.y * height - 0.5] for point in pixels.landmark],
            "joints_3d": [[point.x, point.y, point.z] for point in metres.landmark],
            "handedness": OTHER_SIDE[side.classification[0].label],
            "score": side.classification[0].score,
        }
        for pixels, metres, side in hands
    ]


if __name__ == "__main__":
    main()
