"""The state of both hands as one vector of fixed length, for imitation learning."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand, Handedness
from handos_model.hand.skeleton import JOINT_NAMES, WRIST

_SIDES: Final[tuple[Handedness, Handedness]] = ("left", "right")
_THUMB_TIP: Final = JOINT_NAMES.index("thumb_tip")
_INDEX_TIP: Final = JOINT_NAMES.index("index_tip")


def _names(side: Handedness) -> list[str]:
    return [
        f"{side}.present",
        *(f"{side}.wrist.{axis}" for axis in ("x", "y", "z", "qx", "qy", "qz", "qw")),
        f"{side}.pinch",
        *(f"{side}.{joint}.{axis}" for joint in JOINT_NAMES for axis in ("x", "y", "z")),
    ]


STATE_NAMES: Final[tuple[str, ...]] = tuple(name for side in _SIDES for name in _names(side))
"""What the numbers of a state are: for each side whether the hand is there, 0 or 1; the wrist's position in metres and
orientation; the distance of the tips of thumb and index finger; the joints. All in the camera's frame."""
_LENGTH: Final = len(STATE_NAMES) // 2


class HandState:
    """States of the frames of one source."""

    def __init__(self) -> None:
        self._orientations: dict[Handedness, FloatArray] = {}

    def of(self, hands: Sequence[Hand]) -> FloatArray:
        """State (len(STATE_NAMES),) of one frame: a side that is not seen, or has no metres, is 0.

        Of several hands of a side the one with the best score counts.
        """
        return np.concatenate([self._side(side, hands) for side in _SIDES])

    def _side(self, side: Handedness, hands: Sequence[Hand]) -> FloatArray:
        candidates = [hand for hand in hands if hand.handedness == side and hand.joints_3d is not None]
        best = max(candidates, key=lambda hand: (not hand.coasting, hand.score), default=None)
        if best is None or best.joints_3d is None:
            return np.zeros(_LENGTH, np.float32)
        joints = best.joints_3d
        pinch = np.linalg.norm(joints[_THUMB_TIP] - joints[_INDEX_TIP])
        parts = ([1.0], joints[WRIST], self._orientation(side, joints), [pinch], joints.ravel())
        return np.concatenate(parts).astype(np.float32)

    def _orientation(self, side: Handedness, joints: FloatArray) -> FloatArray:
        """A quaternion and its negative are the same orientation: of both, the one nearer to the last."""
        orientation = np.array(wrist_orientation(joints, side), np.float32)
        if side in self._orientations and orientation @ self._orientations[side] < 0:
            orientation = -orientation
        self._orientations[side] = orientation
        return orientation
