"""Metrics of one hand, on arrays: 2D errors and PCK, MPJPE, Procrustes and other alignments, palm length."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import ROOT_JOINT, WRIST

_EPSILON: Final = 1e-8
"""Added to sizes before division, as in the official scripts."""


def relative_pixel_errors(predicted: npt.ArrayLike, target: npt.ArrayLike) -> Float64Array:
    """Errors (N,) of 2D joints (N, 2), as fractions of the longest side of the target joints' bounds."""
    points, reference = _corresponding(predicted, target)
    side = np.ptp(reference, axis=0).max()
    if side <= 0:
        raise ValueError("all target joints are in one point, so errors relative to the hand's size are not defined")
    return np.asarray(np.linalg.norm(points - reference, axis=-1) / side)


def pck(relative_errors: npt.ArrayLike, threshold: float) -> float:
    """Percentage of correct keypoints, as a fraction 0..1: those whose relative error is at most `threshold`."""
    errors = np.asarray(relative_errors)
    if not errors.size or np.isnan(errors).any():
        raise ValueError(f"PCK needs the errors of one joint or more, got {errors.tolist()}")
    return float((errors <= threshold).mean())


def _corresponding(points: npt.ArrayLike, target: npt.ArrayLike) -> tuple[Float64Array, Float64Array]:
    """Both as finite float64 arrays of the same shape (N, D), N > 0.

    Raises
    ------
    ValueError
        If they are something else.
    """
    source, goal = np.asarray(points, np.float64), np.asarray(target, np.float64)
    if source.ndim != 2 or source.shape != goal.shape or not source.size:
        raise ValueError(f"predicted points {source.shape} and target points {goal.shape} do not correspond")
    for name, array in (("predicted", source), ("target", goal)):
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
            raise ValueError(f"{name} point {row} is {array[row].tolist()}, which is not finite")
    return source, goal


def distances(points: npt.ArrayLike, target: npt.ArrayLike) -> Float64Array:
    """Distances (N,) between corresponding points (N, 3)."""
    source, goal = _corresponding(points, target)
    return np.asarray(np.linalg.norm(source - goal, axis=-1))


def mean_distance(points: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Mean distance between corresponding points (N, 3): MPJPE of joints, MPVPE of vertices."""
    return float(distances(points, target).mean())


@dataclass(frozen=True)
class Similarity:
    """Similarity transform of points; includes a reflection if `rotation` has determinant -1."""

    scale: float
    rotation: Float64Array
    """(3, 3)"""
    source: Float64Array
    """(3,) the point that is mapped to `target`."""
    target: Float64Array

    def __call__(self, points: npt.ArrayLike) -> Float64Array:
        """Transform points (N, 3)."""
        return np.asarray(self.scale * (np.asarray(points, np.float64) - self.source) @ self.rotation.T + self.target)


def fit_similarity(points: npt.ArrayLike, target: npt.ArrayLike, *, allow_reflection: bool = False) -> Similarity:
    """Fit the least-squares similarity transform of points (N, 3) to `target` (Procrustes analysis).

    Parameters
    ----------
    points, target
        (N, 3) corresponding points.
    allow_reflection
        As the official scripts of FreiHAND, HO3D and DexYCB do (orthogonal instead of rotational Procrustes analysis,
        Schoenemann 1966): a mirrored hand then has no error.
    """
    source, goal = _corresponding(points, target)
    source_centre, goal_centre = source.mean(axis=0), goal.mean(axis=0)
    centred, goal_centred = source - source_centre, goal - goal_centre
    left, singular_values, right = np.linalg.svd(goal_centred.T @ centred)
    signs = np.ones(3) if allow_reflection else np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    scale = (singular_values * signs).sum() / (np.linalg.norm(centred) + _EPSILON) ** 2
    return Similarity(float(scale), (left * signs) @ right, source_centre, goal_centre)


def align_procrustes(points: npt.ArrayLike, target: npt.ArrayLike) -> Float64Array:
    """Align points (N, 3) to `target` by translation, rotation and scale, without reflection."""
    return fit_similarity(points, target)(points)


def align_procrustes_officially(points: npt.ArrayLike, target: npt.ArrayLike) -> Float64Array:
    """Align as the scripts of FreiHAND, HO3D and DexYCB do: by `align_procrustes` with reflection allowed."""
    return fit_similarity(points, target, allow_reflection=True)(points)


def align_wrist(joints: npt.ArrayLike, target: npt.ArrayLike) -> Float64Array:
    """Translate joints (21, 3) so that the wrists coincide: "root-relative" in DexYCB."""
    source, goal = np.asarray(joints, np.float64), np.asarray(target, np.float64)
    return np.asarray(source - source[WRIST] + goal[WRIST])


def palm_length(joints: npt.NDArray[np.floating]) -> float:
    """Distance from the wrist to the middle knuckle of joints (21, 3), in their unit."""
    return float(np.linalg.norm(joints[ROOT_JOINT] - joints[WRIST]))


def align_palm(joints: npt.ArrayLike, target: npt.ArrayLike) -> Float64Array:
    """Translate and scale joints (21, 3) so that wrists and palm lengths coincide: "scale-trans" in HO3D."""
    source, goal = np.asarray(joints, np.float64), np.asarray(target, np.float64)
    length, goal_length = palm_length(source), palm_length(goal)
    return align_wrist(source * (goal_length / length if length > 0 else goal_length), goal)
