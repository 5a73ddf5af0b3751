"""Worker of `against_mediapipe.py`: MediaPipe Hands, up to two hands per image.

It needs RGB. The frames are converted in advance; a user's program would have to spend that time too.
"""

import sys

import mediapipe
import numpy as np
from timing_worker import serve


def main() -> None:
    # In a video it looks for palms only where it has lost a hand; in detection mode in every image.
    is_video = float(sys.argv[1]) > 0
    detector = mediapipe.solutions.hands.Hands(static_image_mode=not is_video, max_num_hands=2, model_complexity=1)

    def find_hands(image: np.ndarray) -> int:
        return len(detector.process(image).multi_hand_landmarks or ())

    serve(find_hands)


if __name__ == "__main__":
    main()
