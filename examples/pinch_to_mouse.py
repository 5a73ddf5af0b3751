"""The right index finger moves the mouse pointer; thumb and index finger together hold its button down.

Run: python examples/pinch_to_mouse.py 0    prints what the mouse would do; --mouse does it (pip install pyautogui)
"""

from collections.abc import Iterable, Iterator

import numpy as np

from handos_model import hands_in
from handos_model.commands.script import run_script
from handos_model.recordings.frame_hands import FrameHands
from handos_model.retargeting.grip import GripTracker


def pointer(results: Iterable[FrameHands]) -> Iterator[tuple[float, float, str]]:
    """Where the right hand points, 0..1 from the top left as in a mirror, and whether the button goes down or up."""
    grip, x, y, down = GripTracker(), 0.0, 0.0, False
    for frame, hands in ((result.frame, result.hands) for result in results):
        right = [hand for hand in hands if hand.handedness == "right" and hand.metric and not hand.tentative]
        if right:
            x, y = right[0].joints_2d[8] / frame.image.shape[1::-1]  # 8: the tip of the index finger
        if right or down:  # a hand that is lost lets go
            was, down = down, bool(right) and grip.update(frame.stamp, right[0].joints_3d).pinch == "index"
            yield 1 - x, y, "moves" if was == down else "down" if down else "up"


def main(source: str, mouse: bool = False) -> None:
    """Follow the right hand of SOURCE."""
    for x, y, event in pointer(hands_in(source, field_of_view=60)):
        print(f"{x:.3f} {y:.3f} {event}")
        if mouse:
            import pyautogui

            does = {"moves": pyautogui.moveTo, "down": pyautogui.mouseDown, "up": pyautogui.mouseUp}
            does[event](*np.multiply(pyautogui.size(), (x, y)))


if __name__ == "__main__":
    run_script(main)
