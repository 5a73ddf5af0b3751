"""Conventions of data sets annotated with MANO: joint order and fingertip vertices. MANO itself is not needed.

MANO (Romero et al., SIGGRAPH Asia 2017) has 16 joints, in its own order, and no fingertips; each data set uses five
vertices of the mesh as fingertips.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

MANO_TOPOLOGY_ID: Final[str] = "mano"
"""`HandTopology.id` of MANO's mesh."""

MANO_VERTEX_COUNT: Final[int] = 778

FROM_MANO_ORDER: Final[npt.NDArray[np.intp]] = np.array(
    [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
)
"""`joints = mano_joints[FROM_MANO_ORDER]`: wrist, index, middle, pinky, ring, thumb (3 each), tips thumb to pinky."""

TO_MANO_ORDER: Final[npt.NDArray[np.intp]] = np.argsort(FROM_MANO_ORDER)
"""`mano_joints = joints[TO_MANO_ORDER]`."""

FREIHAND_TIPS: Final[tuple[int, ...]] = (744, 320, 443, 555, 672)
"""Vertex ids of the fingertips, thumb to pinky, in FreiHAND's annotations."""
HO3D_TIPS: Final[tuple[int, ...]] = (744, 333, 444, 555, 672)
DEXYCB_TIPS: Final[tuple[int, ...]] = (745, 317, 444, 556, 673)
