"""Worker of `against_mediapipe.py`: MediaPipe Hands in detection mode, up to two hands per image.

It needs RGB. The frames are converted in advance; a user's program would have to spend that time too.
"""

import mediapipe
import numpy as np
from timing_worker import serve


def main() -> None:
    # Detection mode, because HandOS also detects the hands of every image independently.
    detector = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=2, model_complexity=1)

    def find_hands(image: np.ndarray) -> int:
        return len(detector.process(image).multi_hand_landmarks or ())

    serve(find_hands)


if __name__ == "__main__":
    main()
