"""Worker of `against_mediapipe.py`: MediaPipe Hands, which finds up to two hands anew in every picture.

It wants RGB. The frames are turned round before they get here, which its user would have to do, and pay for, too.
"""

import mediapipe
import numpy as np
from timing_worker import serve


def main() -> None:
    # Detection mode. Its own tracking would be compared with HandOS following hands, which it does not do.
    finder = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=2, model_complexity=1)

    def find_hands(image: np.ndarray) -> int:
        return len(finder.process(image).multi_hand_landmarks or ())

    serve(find_hands)


if __name__ == "__main__":
    main()
