"""Named hand poses that random poses are sampled around."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Gesture:
    """Joint angles of a hand in degrees; all 0 is a flat hand with parallel fingers."""

    mcp_flexion: tuple[float, float, float, float]
    """Index to pinky."""
    pip_flexion: tuple[float, float, float, float]
    """Index to pinky; the dip joints follow."""
    abduction: tuple[float, float, float, float]
    """Of the mcp joints, index to pinky; positive towards the thumb."""
    thumb: tuple[float, float, float, float, float]
    """Cmc flexion (across the palm), abduction (away from the palm) and twist; mcp flexion; ip flexion."""


TOGETHER: Final = (2.0, 0.0, -2.0, -5.0)
FANNED: Final = (12.0, 1.0, -10.0, -20.0)

GESTURES: Final[dict[str, Gesture]] = {
    "open": Gesture((0, 0, 0, 0), (5, 5, 5, 5), FANNED, (-12, -5, 0, -5, 0)),
    "flat": Gesture((0, 0, 0, 0), (4, 4, 4, 4), TOGETHER, (-5, -15, 0, 0, 5)),
    "relaxed": Gesture((18, 22, 26, 30), (28, 32, 34, 36), (4, 0, -3, -6), (0, 0, 0, 8, 12)),
    "fist": Gesture((75, 82, 85, 85), (98, 100, 100, 95), TOGETHER, (18, 26, 18, 24, 42)),
    "loose_fist": Gesture((55, 60, 64, 68), (78, 82, 84, 82), TOGETHER, (14, 22, 12, 18, 25)),
    "point": Gesture((8, 75, 80, 82), (6, 95, 98, 95), (2, 0, -2, -4), (20, 22, 15, 25, 40)),
    "thumbs_up": Gesture((72, 80, 82, 82), (96, 98, 98, 95), TOGETHER, (-28, -18, -8, -10, -8)),
    "victory": Gesture((5, 5, 78, 80), (6, 6, 96, 95), (14, -10, -2, -4), (24, 22, 15, 26, 38)),
    "three": Gesture((4, 4, 4, 80), (6, 6, 6, 95), (12, 0, -10, -4), (26, 16, 15, 28, 35)),
    "four": Gesture((3, 3, 3, 3), (5, 5, 5, 5), (10, 2, -7, -16), (30, 10, 15, 30, 40)),
    "gun": Gesture((4, 75, 80, 82), (5, 95, 98, 95), (2, 0, -2, -4), (-24, -10, -5, -6, -5)),
    "two_thumb": Gesture((4, 4, 78, 80), (6, 6, 96, 95), (8, 0, -2, -4), (-22, -8, -5, -5, -5)),
    "horns": Gesture((5, 78, 80, 5), (5, 96, 96, 8), (6, 0, -2, -12), (22, 22, 15, 26, 40)),
    "hang_loose": Gesture((70, 78, 78, 4), (95, 96, 95, 6), (2, 0, -2, -18), (-28, -10, -5, -8, -5)),
    "pinky": Gesture((74, 80, 76, 4), (96, 98, 95, 6), (2, 0, -2, -10), (20, 22, 14, 26, 40)),
    "ok": Gesture((42, 12, 6, 2), (62, 14, 10, 8), (2, 0, -8, -16), (16, 22, 22, 14, 30)),
    "pinch": Gesture((44, 40, 42, 46), (58, 50, 52, 52), (2, 0, -3, -6), (15, 22, 22, 12, 28)),
    "pinch_middle": Gesture((38, 50, 40, 40), (48, 56, 44, 42), (4, 0, -4, -8), (20, 24, 26, 16, 28)),
    "tripod": Gesture((48, 52, 56, 60), (50, 54, 66, 72), (1, 1, -2, -4), (14, 22, 22, 14, 26)),
    "purse": Gesture((55, 55, 55, 58), (32, 34, 34, 30), (-4, 0, 3, 8), (18, 28, 28, 10, 14)),
    "claw": Gesture((-5, -5, -5, -5), (62, 64, 64, 62), (10, 2, -7, -16), (-10, 8, 5, 0, 35)),
    "hook": Gesture((8, 8, 10, 12), (92, 95, 95, 90), TOGETHER, (4, 0, 0, 10, 15)),
    "cylinder": Gesture((38, 42, 46, 50), (52, 54, 54, 52), (3, 0, -3, -6), (6, 26, 20, 10, 25)),
    "sphere": Gesture((24, 24, 26, 30), (38, 38, 38, 38), (13, 2, -9, -18), (-4, 28, 15, 4, 22)),
    "flat_grasp": Gesture((62, 62, 62, 62), (14, 14, 14, 14), TOGETHER, (4, 30, 24, 4, 12)),
    "key": Gesture((52, 58, 62, 66), (68, 74, 78, 78), TOGETHER, (10, -4, 0, 12, 18)),
    "thumb_beside": Gesture((79, 81, 76, 84), (97, 93, 94, 95), (0, -2, -1, -7), (-5, -4, -11, 38, 24)),
    "thumb_between": Gesture((62, 69, 81, 85), (82, 98, 91, 94), (6, -4, 0, -5), (15, 6, -1, 44, 2)),
    "under_two": Gesture((65, 66, 76, 74), (60, 72, 89, 92), (4, 3, -5, -6), (20, -14, 24, 47, 45)),
    "under_three": Gesture((55, 67, 50, 85), (82, 70, 84, 88), (3, 0, 1, -7), (35, -4, 29, 50, 20)),
    "thumb_inside": Gesture((61, 74, 72, 76), (82, 82, 79, 97), (1, 1, -2, -3), (24, -14, 34, 49, 70)),
    "tips_on_thumb": Gesture((38, 49, 37, 49), (90, 105, 95, 98), (4, -1, -5, -4), (13, 8, 38, 50, 75)),
    "across_palm": Gesture((2, -1, -2, 2), (4, 4, 4, 4), TOGETHER, (15, 6, 23, 50, 75)),
    "thumb_on_middle": Gesture((6, 53, 76, 78), (3, 7, 91, 95), (5, -8, -3, -4), (6, 21, -11, 48, 29)),
    "circle": Gesture((5, 41, 58, 65), (5, 65, 70, 73), (3, 0, -3, -5), (9, 31, 16, 0, 45)),
    "hooked": Gesture((24, 74, 85, 86), (91, 97, 89, 88), (3, 0, -2, -4), (-1, 38, 2, 33, 33)),
    "crossed": Gesture((4, -14, 85, 82), (4, 19, 90, 96), (-19, 20, -2, -6), (18, 21, 22, 32, 25)),
    "backward": Gesture((-20, -22, -22, -22), (2, 2, 2, 2), (9, 1, -7, -14), (-24, -8, 0, -12, -15)),
}
"""Degrees."""
