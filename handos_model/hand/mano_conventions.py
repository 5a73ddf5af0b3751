"""What the data sets that are annotated with MANO have in common, without MANO itself: names, orders, finger tips.

MANO (Romero et al., SIGGRAPH Asia 2017) has 16 joints, in its own order, and no finger tips; each benchmark has made
five vertices of the mesh its finger tips.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

MANO_TOPOLOGY_ID: Final[str] = "mano"
"""`HandTopology.id` of weights whose vertices are MANO's 778."""

MANO_VERTEX_COUNT: Final[int] = 778

FROM_MANO_ORDER: Final[npt.NDArray[np.intp]] = np.array(
    [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
)
"""`joints = mano_joints[FROM_MANO_ORDER]`: wrist, index, middle, pinky, ring, thumb (3 each), tips thumb to pinky."""

TO_MANO_ORDER: Final[npt.NDArray[np.intp]] = np.argsort(FROM_MANO_ORDER)
"""`mano_joints = joints[TO_MANO_ORDER]`."""

TIP_JOINTS: Final[tuple[int, ...]] = (4, 8, 12, 16, 20)
"""Thumb to pinky, in the order of `JOINT_NAMES`."""

FREIHAND_TIPS: Final[tuple[int, ...]] = (744, 320, 443, 555, 672)
"""Vertex ids of the tips, thumb to pinky, in FreiHAND's annotations."""
HO3D_TIPS: Final[tuple[int, ...]] = (744, 333, 444, 555, 672)
DEXYCB_TIPS: Final[tuple[int, ...]] = (745, 317, 444, 556, 673)
