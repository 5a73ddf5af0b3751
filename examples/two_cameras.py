"""Two cameras side by side measure how far a hand is, which one alone has to guess from how large hands are.

Run: python examples/two_cameras.py LEFT RIGHT --baseline 0.12      two videos, or the numbers of two cameras
They are a rectified stereo pair: alike, parallel, BASELINE metres apart, and taking their images at the same times.
"""

import numpy as np

from handos_model import Hand, HandPipeline, hands_in
from handos_model.commands.script import run_script
from handos_model.hand_size.palm import palm_length
from handos_model.hand_size.scaling import scale_hands
from handos_model.recordings.frame_hands import FrameHands


def measured(hand: Hand, right: FrameHands, baseline: float) -> Hand | None:
    """A hand of the left camera at its true distance and in its true size; None if the right one does not see it."""
    seen = [other for other in right.hands if other.handedness == hand.handedness and not other.coasting]
    if not seen or hand.joints_3d is None or right.camera.intrinsics is None:
        return None
    # Of several hands it is the one in the same rows of the image.
    shifts = min((hand.joints_2d - other.joints_2d for other in seen), key=lambda shift: abs(shift[:, 1]).mean())
    parallax = np.median(shifts[:, 0] * hand.joints_3d[:, 2])  # none: too far away to be measured
    focal_length = right.camera.intrinsics.fx
    return scale_hands([hand], focal_length * baseline / parallax)[0] if parallax > 0 else None


def main(left: str, right: str, baseline: float = 0.12, field_of_view: float = 60) -> None:
    """Print every hand that both see, in the frame of the left camera."""
    pipeline = HandPipeline.load()
    pair = [hands_in(source, field_of_view=field_of_view, pipeline=pipeline) for source in (left, right)]
    for in_left, in_right in zip(*pair, strict=False):
        for guess in in_left.hands:
            if hand := measured(guess, in_right, baseline):
                away, palm = hand.joints_3d[0, 2], 1000 * palm_length(hand.joints_3d)
                print(f"{hand.handedness} wrist {away:.3f} m (guess: {guess.joints_3d[0, 2]:.3f}), palm {palm:.0f} mm")


if __name__ == "__main__":
    run_script(main)
