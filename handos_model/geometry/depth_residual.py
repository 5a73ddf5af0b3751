"""Distance along z between a mesh and the surface measured by a depth camera."""

from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array, FloatArray, IntArray

MIN_SAMPLES: Final = 20
"""Minimum number of vertices at which a depth was measured."""
MIN_DEPTH, MAX_DEPTH = 0.05, 10.0
"""Metres: other values are no measurements of a hand. Cameras mark pixels without one by 0, NaN, inf or 65.535 m."""
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
        (H, W) metres along z. Values outside `MIN_DEPTH`..`MAX_DEPTH` and NaN count as not measured.

    Returns
    -------
    float or None
        ``None`` with fewer than `MIN_SAMPLES` measurements, or if most of them do not agree on one surface.
    """
    columns, rows = np.round(pixels).astype(int).T
    height, width = depth.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    measured = depth[rows[inside], columns[inside]]
    residuals = (measured - vertices[inside, 2])[(measured >= MIN_DEPTH) & (measured <= MAX_DEPTH)]
    if len(residuals) < MIN_SAMPLES:
        return None
    # Gaps between the fingers show the background, and an arm may occlude the hand, but the median lies on the hand.
    on_hand = residuals[np.abs(residuals - np.median(residuals)) < MAX_SURFACE_DISTANCE]
    # Half near, half far: the median lies between two surfaces, on neither.
    return float(np.median(on_hand)) if 2 * len(on_hand) > len(residuals) else None


def visible_vertices(vertices: FloatArray, faces: IntArray) -> npt.NDArray[np.intp]:
    """Indices of the vertices of all faces that face the camera."""
    first, second, third = np.moveaxis(vertices[faces], 1, 0)
    normals = np.cross(second - first, third - first)
    return np.unique(faces[(normals * first).sum(axis=1) < 0])
