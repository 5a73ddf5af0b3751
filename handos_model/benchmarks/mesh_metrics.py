"""Measures between meshes that need no correspondence of their vertices."""

import numpy.typing as npt
from scipy.spatial import cKDTree


def f_scores(found: npt.ArrayLike, true: npt.ArrayLike, thresholds: tuple[float, ...]) -> tuple[float, ...]:
    """F-scores 0..1 of a point cloud (Knapitsch et al., 2017), as FreiHAND and HO3D define them.

    The harmonic mean of precision (share of found points with a true one nearer than the threshold) and recall (share
    of true points with a found one).

    Parameters
    ----------
    found, true
        (N, 3) and (M, 3) points.
    thresholds
        Distances in the points' unit.
    """
    # Neighbours farther than this are infinitely far, which spares the search for them.
    farthest = max(thresholds)
    to_true, _ = cKDTree(true).query(found, distance_upper_bound=farthest)
    to_found, _ = cKDTree(found).query(true, distance_upper_bound=farthest)
    return tuple(_harmonic_mean(float((to_true < t).mean()), float((to_found < t).mean())) for t in thresholds)


def _harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b > 0 else 0.0
