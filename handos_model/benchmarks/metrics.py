"""Measures of how well a found hand fits the true one."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def relative_pixel_errors(found: npt.ArrayLike, true: npt.ArrayLike) -> Array:
    """Distances (N,) of 2D joints (N, 2), as fractions of the longest side of the true joints' bounds."""
    reference = np.asarray(true, np.float64)
    distances = np.linalg.norm(np.asarray(found, np.float64) - reference, axis=-1)
    return np.asarray(distances / np.ptp(reference, axis=0).max())


def percentage_correct(relative_errors: npt.ArrayLike, threshold: float) -> float:
    """PCK: share 0..1 of joints whose relative error is at most `threshold`."""
    return float((np.asarray(relative_errors) <= threshold).mean())


def mean_distance(points: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Mean distance between points (N, 3) and their targets."""
    return float(np.linalg.norm(np.asarray(points, np.float64) - np.asarray(target), axis=-1).mean())


def aligned(points: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Points (N, 3) moved, turned and scaled onto `target` with the least squared distance, never mirrored.

    The official scripts of common benchmarks allow mirroring, which makes a hand of the wrong side perfect.
    """
    source, goal = np.asarray(points, np.float64), np.asarray(target, np.float64)
    centred, goal_centred = source - source.mean(axis=0), goal - goal.mean(axis=0)
    left, strengths, right = np.linalg.svd(goal_centred.T @ centred)
    signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    scale = (strengths * signs).sum() / (centred**2).sum()
    return np.asarray(scale * centred @ ((left * signs) @ right).T + goal.mean(axis=0))
