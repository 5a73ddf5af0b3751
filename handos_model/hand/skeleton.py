"""The 21 joints of a hand: their names, order and kinematic tree."""

from typing import Final

JOINT_NAMES: Final[tuple[str, ...]] = (
    "wrist",
    *(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{part}" for finger in ("index", "middle", "ring", "pinky") for part in ("mcp", "pip", "dip", "tip")),
)

JOINT_PARENTS: Final[tuple[int, ...]] = (-1, 0, 1, 2, 3, *(p for k in range(5, 21, 4) for p in (0, k, k + 1, k + 2)))
"""Index of each joint's parent in `JOINT_NAMES`; -1 for the wrist."""

BONES: Final[tuple[tuple[int, int], ...]] = tuple(
    (parent, joint) for joint, parent in enumerate(JOINT_PARENTS) if parent >= 0
)
"""(parent, joint) pairs, 20 of them."""

JOINT_COUNT: Final[int] = len(JOINT_NAMES)

WRIST: Final[int] = 0

FINGERTIPS: Final[tuple[int, ...]] = tuple(k for k, name in enumerate(JOINT_NAMES) if name.endswith("_tip"))
"""Joint indices, thumb to pinky."""

ROOT_JOINT: Final[int] = JOINT_NAMES.index("middle_mcp")
"""The joint that "root-relative" refers to and whose position the camera head predicts.

The wrist is often hidden by a sleeve or outside the image; the middle knuckle is the joint that is visible most often.
"""
