"""Array types shared by the package."""

import numpy as np
import numpy.typing as npt

ImageArray = npt.NDArray[np.uint8]
"""(H, W, 3) BGR, unless a shape is given."""
FloatArray = npt.NDArray[np.float32]
"""Network outputs and the arrays of a `Hand`."""
Float64Array = npt.NDArray[np.float64]
"""Intermediate results of geometry and metrics."""
IntArray = npt.NDArray[np.int32]
"""Vertex indices, such as (F, 3) faces."""
