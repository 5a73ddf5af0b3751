"""Distance along z between a mesh and the surface measured by a depth camera."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array, FloatArray, IntArray

MIN_SAMPLES: Final = 20
"""Minimum number of vertices at which a depth was measured."""
MAX_SURFACE_DISTANCE: Final = 0.12
"""Metres from the median residual beyond which a measurement is rejected: it belongs to a table or another hand."""


@dataclass(frozen=True)
class DepthRange:
    """Metres between which a depth is a measurement of a hand; cameras mark pixels without one by 0, NaN or inf."""

    nearest: float = 0.05
    farthest: float = 10.0


DEFAULT_RANGE: Final = DepthRange()


def depth_residual(
    vertices: FloatArray, pixels: Float64Array, depth: FloatArray, depth_range: DepthRange = DEFAULT_RANGE
) -> float | None:
    """Median distance in metres along z from the mesh to the measured surface.

    Parameters
    ----------
    vertices
        (N, 3) metres, optical frame: the vertices that face the camera.
    pixels
        (N, 2) their projections into the depth image; NaN where there is none.
    depth
        (H, W) metres along z.
    depth_range
        Other values count as not measured, like NaN.

    Returns
    -------
    float or None
        ``None`` with fewer than `MIN_SAMPLES` measurements, or if most of them do not agree on one surface.
    """
    height, width = depth.shape
    # Before the conversion to integers, which wraps large numbers and NaN.
    inside = ((pixels >= -0.5) & (pixels <= np.array([width, height]) - 0.5)).all(axis=1)
    columns, rows = np.minimum(np.round(pixels[inside]).astype(int), [width - 1, height - 1]).T
    measured = depth[rows, columns]
    is_measured = (measured >= depth_range.nearest) & (measured <= depth_range.farthest)
    residuals = measured[is_measured] - vertices[inside, 2][is_measured]
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
