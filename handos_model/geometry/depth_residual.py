"""Distance along z between a mesh and the surface measured by a depth camera."""

from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array, FloatArray, IntArray

MIN_SAMPLES: Final = 20
"""Minimum number of vertices at which a depth was measured."""
MAX_SURFACE_DISTANCE: Final = 0.12
"""Metres from the median residual beyond which a measurement is rejected: it belongs to a table or another hand."""


def depth_residual(vertices: FloatArray, pixels: Float64Array, depth: FloatArray) -> float | None:
    """Median distance in metres along z from the mesh to the measured surface.

    Parameters
    ----------
    vertices
        (N, 3) metres, optical frame: the vertices that face the camera.
    pixels
        (N, 2) their projections into the depth image.
    depth
        (H, W) metres along z; 0 or NaN where nothing was measured.

    Returns
    -------
    float or None
        ``None`` with fewer than `MIN_SAMPLES` measurements.
    """
    columns, rows = np.round(pixels).astype(int).T
    height, width = depth.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    measured = depth[rows[inside], columns[inside]]
    residuals = (measured - vertices[inside, 2])[np.isfinite(measured) & (measured > 0)]
    if len(residuals) < MIN_SAMPLES:
        return None
    # Gaps between the fingers show the background, and an arm may occlude the hand, but the median lies on the hand.
    on_hand = residuals[np.abs(residuals - np.median(residuals)) < MAX_SURFACE_DISTANCE]
    return float(np.median(on_hand))


def visible_vertices(vertices: FloatArray, faces: IntArray) -> npt.NDArray[np.intp]:
    """Indices of the vertices of all faces that face the camera."""
    first, second, third = np.moveaxis(vertices[faces], 1, 0)
    normals = np.cross(second - first, third - first)
    return np.unique(faces[(normals * first).sum(axis=1) < 0])
