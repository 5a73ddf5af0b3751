"""The joint regressor and the upsampling matrix, fitted on posed hands."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import JOINT_NAMES, WRIST

Ids = npt.NDArray[np.int64]

COARSE_PER_FINGER_BONE = 5
"""Four points define the motion of a rigid part; one more captures its shape."""
COARSE_NEIGHBOURS = 12
COARSE_NOISE = 0.0004
"""Metres, expected error of a coarse vertex: regularises the fit, so that upsampling does not amplify it."""
REGRESSOR_CANDIDATES = 80
"""Nearest vertices that a joint may be regressed from."""
SUM_WEIGHT = 100.0
"""Weight of the equation that the regressor's weights sum to 1."""


def fit_joint_regressor(
    vertices: Float64Array, joints: Float64Array, rest: Float64Array, rest_joints: Float64Array
) -> Float64Array:
    """Fit (21, V) sparse, non-negative weights with rows summing to 1: joints = weights x vertices.

    Parameters
    ----------
    vertices, joints
        (N, V, 3) and (N, 21, 3) metres, posed hands.
    rest, rest_joints
        (V, 3) and (21, 3) metres, the mean hand: joints are regressed from vertices near them.
    """
    regressor = np.zeros((len(rest_joints), len(rest)))
    for joint, position in enumerate(rest_joints):
        near = np.argsort(np.linalg.norm(rest - position, axis=1))[:REGRESSOR_CANDIDATES]
        # Relative to the joint the target is 0: only the last row, sum = 1, keeps the weights from vanishing.
        offsets = (vertices[:, near] - joints[:, joint, None]).transpose(0, 2, 1).reshape(-1, len(near))
        rows = np.vstack([offsets, np.full(len(near), SUM_WEIGHT)])
        weights, _ = nnls(rows, np.append(np.zeros(len(offsets)), SUM_WEIGHT))
        regressor[joint, near] = weights / weights.sum()
    return regressor


def choose_coarse_vertices(
    rest: Float64Array, rest_joints: Float64Array, skin_weights: Float64Array, wrist_loop: Ids, count: int
) -> Ids:
    """Ids of `count` well distributed vertices, `COARSE_PER_FINGER_BONE` on every finger bone.

    They include the fingertips and four vertices of the wrist loop.
    """
    bone = skin_weights.argmax(axis=1)
    chosen: list[int] = []
    for joint, name in enumerate(JOINT_NAMES):
        if joint == WRIST or name.endswith("_tip"):
            continue
        members = np.flatnonzero(bone == joint)
        at_tip = JOINT_NAMES[joint + 1].endswith("_tip")
        start = rest_joints[joint + 1] if at_tip else rest[members].mean(axis=0) + 1.0
        first = members[np.linalg.norm(rest[members] - start, axis=1).argmin()]
        chosen += _farthest_points(rest, members, [int(first)], COARSE_PER_FINGER_BONE)
    palm = np.flatnonzero(bone == WRIST)
    chosen += _farthest_points(rest, palm, wrist_loop[:: len(wrist_loop) // 4].tolist(), count - len(chosen))
    return np.array(sorted(chosen))


def _farthest_points(rest: Float64Array, members: Ids, start: list[int], count: int) -> list[int]:
    """Farthest point sampling: add the member farthest from all chosen ones until there are `count`."""
    chosen = list(start)
    while len(chosen) < count:
        distances = np.linalg.norm(rest[members, None] - rest[chosen], axis=2).min(axis=1)
        chosen.append(int(members[distances.argmax()]))
    return chosen


def fit_upsampling(vertices: Float64Array, rest: Float64Array, skin_weights: Float64Array, coarse: Ids) -> Float64Array:
    """Fit (V, C) weights with rows summing to 1: vertices = weights x coarse vertices, from those nearby.

    Parameters
    ----------
    vertices
        (N, V, 3) metres, posed hands.
    rest
        (V, 3) metres.
    skin_weights
        (V, 21).
    coarse
        (C,) vertex ids.
    """
    finger = _finger_of(skin_weights)
    upsampling = np.zeros((len(rest), len(coarse)))
    for vertex, position in enumerate(rest):
        distances = np.linalg.norm(rest[coarse] - position, axis=1)
        if finger[vertex]:
            distances[(finger[coarse] != finger[vertex]) & (finger[coarse] != 0)] = np.inf
        near = np.argsort(distances)[:COARSE_NEIGHBOURS]
        offsets = vertices[:, coarse[near]] - vertices[:, vertex, None]
        upsampling[vertex, near] = _affine_weights(offsets.transpose(0, 2, 1).reshape(-1, len(near)))
    upsampling[coarse] = np.eye(len(coarse))
    return upsampling


def _finger_of(skin_weights: Float64Array) -> Ids:
    """(V,) 0 for the palm and wrist, 1..5 for thumb..pinky."""
    joint = skin_weights.argmax(axis=1)
    return np.where(joint == WRIST, 0, (joint - 1) // 4 + 1)


def _affine_weights(offsets: Float64Array) -> Float64Array:
    """Weights w with sum 1 that minimise |offsets w|^2 plus the expected effect of noise in the coarse vertices."""
    size = offsets.shape[1]
    normal = offsets.T @ offsets + len(offsets) * COARSE_NOISE**2 * np.eye(size)
    weights = np.linalg.solve(normal, np.ones(size))
    return np.asarray(weights / weights.sum())
