"""Palm length: the size of a hand that a ruler can measure.

From the middle of the crease at the wrist to the crease at the base of the middle finger, with the hand flat. No joint
lies at these creases. On the mean hand mesh the distance is 0.109 m (wrist joint to the rim of the webs beside the
middle finger), and the four knuckles are 0.1005 m from the wrist on average. Four bones instead of one: their mean is
steadier than any of them from image to image.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import JOINT_NAMES, WRIST

KNUCKLES: Final = tuple(JOINT_NAMES.index(f"{finger}_mcp") for finger in ("index", "middle", "ring", "pinky"))
"""Joint indices."""
CREASES_PER_KNUCKLE_DISTANCE: Final = 1.084
"""Palm length divided by the mean distance of the knuckles from the wrist, on the mean hand mesh."""
ASSUMED_PALM_LENGTH: Final = 0.104
"""Metres. The shipped network cannot see a person's size: it places every hand as if the palm had this length. Median
of true palm length x estimated distance / true distance over rendered hands (`benchmarks/operator_hand_size.py`)."""


def palm_length(joints_3d: npt.ArrayLike) -> Float64Array:
    """Palm length (...) in metres of hands with joints (..., 21, 3) in metres."""
    joints = np.asarray(joints_3d, np.float64)
    distances = np.linalg.norm(joints[..., KNUCKLES, :] - joints[..., WRIST : WRIST + 1, :], axis=-1)
    return np.asarray(CREASES_PER_KNUCKLE_DISTANCE * distances.mean(axis=-1))
