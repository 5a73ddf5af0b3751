"""Measures of how well a found hand fits the true one."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.hand.skeleton import ROOT_JOINT, WRIST

Array = npt.NDArray[np.float64]

_TINY: Final = 1e-8
"""What the official scripts add to a size before they divide by it."""


def relative_pixel_errors(found: npt.ArrayLike, true: npt.ArrayLike) -> Array:
    """Distances (N,) of 2D joints (N, 2), as fractions of the longest side of the true joints' bounds."""
    reference = np.asarray(true, np.float64)
    distances = np.linalg.norm(np.asarray(found, np.float64) - reference, axis=-1)
    return np.asarray(distances / np.ptp(reference, axis=0).max())


def percentage_correct(relative_errors: npt.ArrayLike, threshold: float) -> float:
    """PCK: share 0..1 of joints whose relative error is at most `threshold`."""
    return float((np.asarray(relative_errors) <= threshold).mean())


def distances(points: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Distances (N,) between points (N, 3) and their targets."""
    return np.asarray(np.linalg.norm(np.asarray(points, np.float64) - np.asarray(target), axis=-1))


def mean_distance(points: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Mean distance between points (N, 3) and their targets."""
    return float(distances(points, target).mean())


@dataclass(frozen=True)
class Similarity:
    """Moves, turns and scales points; where `rotation` has the determinant -1, also mirrors them."""

    scale: float
    rotation: Array
    """(3, 3)"""
    source: Array
    """(3,) the point that is moved to `target`."""
    target: Array

    def __call__(self, points: npt.ArrayLike) -> Array:
        """Apply it to points (N, 3)."""
        return np.asarray(self.scale * (np.asarray(points, np.float64) - self.source) @ self.rotation.T + self.target)


def best_similarity(points: npt.ArrayLike, target: npt.ArrayLike, *, may_mirror: bool = False) -> Similarity:
    """The similarity that takes points (N, 3) onto `target` with the least squared distance.

    Parameters
    ----------
    points, target
        (N, 3) corresponding points.
    may_mirror
        Allow mirroring, as the official scripts of FreiHAND, HO3D and DexYCB do (orthogonal instead of rotational
        Procrustes analysis, Schoenemann 1966): a hand of the wrong side is then perfect.
    """
    source, goal = np.asarray(points, np.float64), np.asarray(target, np.float64)
    source_centre, goal_centre = source.mean(axis=0), goal.mean(axis=0)
    centred, goal_centred = source - source_centre, goal - goal_centre
    left, strengths, right = np.linalg.svd(goal_centred.T @ centred)
    signs = np.ones(3) if may_mirror else np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    scale = (strengths * signs).sum() / (np.linalg.norm(centred) + _TINY) ** 2
    return Similarity(float(scale), (left * signs) @ right, source_centre, goal_centre)


def aligned(points: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Points (N, 3) moved, turned and scaled onto `target` with the least squared distance, never mirrored."""
    return best_similarity(points, target)(points)


def officially_aligned(points: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """As `aligned`, but mirrored where that fits better: what FreiHAND, HO3D and DexYCB call Procrustes-aligned."""
    return best_similarity(points, target, may_mirror=True)(points)


def moved_to_wrist(joints: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Joints (21, 3) moved so that their wrist is that of `target`."""
    source, goal = np.asarray(joints, np.float64), np.asarray(target, np.float64)
    return np.asarray(source - source[WRIST] + goal[WRIST])


def palm_length(joints: npt.NDArray[np.floating]) -> float:
    """From the wrist to the middle knuckle of joints (21, 3), in their unit."""
    return float(np.linalg.norm(joints[ROOT_JOINT] - joints[WRIST]))


def scaled_to_palm(joints: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Joints (21, 3) with wrist and length of the palm (wrist to middle knuckle) of `target`: HO3D's "scale-trans"."""
    source, goal = np.asarray(joints, np.float64), np.asarray(target, np.float64)
    length, goal_length = palm_length(source), palm_length(goal)
    return moved_to_wrist(source * (goal_length / length if length > 0 else goal_length), goal)
