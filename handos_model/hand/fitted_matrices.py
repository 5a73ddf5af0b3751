"""Fixed matrices of the topology, fitted on posed hands: joints from vertices, and all vertices from a few."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from handos_model.hand.skeleton import JOINT_NAMES, WRIST

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

COARSE_PER_FINGER_BONE = 5
"""Four points carry a rigid piece along in any pose; one more for its shape."""
COARSE_NEIGHBOURS = 12
COARSE_NOISE = 0.0004
"""Metres: the error expected in each coarse vertex; keeps upsampling from amplifying it."""
REGRESSOR_CANDIDATES = 80
SUM_WEIGHT = 100.0


def fit_joint_regressor(vertices: Floats, joints: Floats, rest: Floats, rest_joints: Floats) -> Floats:
    """(21, V) sparse, non-negative weights, rows summing to 1, that give the joints from the vertices.

    Parameters
    ----------
    vertices, joints
        (N, V, 3) and (N, 21, 3) metres, posed hands.
    rest, rest_joints
        (V, 3) and (21, 3) metres, the mean hand: a joint is made of vertices near it.
    """
    regressor = np.zeros((len(rest_joints), len(rest)))
    for joint, position in enumerate(rest_joints):
        near = np.argsort(np.linalg.norm(rest - position, axis=1))[:REGRESSOR_CANDIDATES]
        # Relative to the joint the wanted point is 0: only the heavy row, sum = 1, keeps the weights from vanishing.
        offsets = (vertices[:, near] - joints[:, joint, None]).transpose(0, 2, 1).reshape(-1, len(near))
        rows = np.vstack([offsets, np.full(len(near), SUM_WEIGHT)])
        weights, _ = nnls(rows, np.append(np.zeros(len(offsets)), SUM_WEIGHT))
        regressor[joint, near] = weights / weights.sum()
    return regressor


def choose_coarse_vertices(rest: Floats, rest_joints: Floats, skin_weights: Floats, wrist_loop: Ids, count: int) -> Ids:
    """Ids of `count` well spread vertices: a few on every finger bone, fingertips and wrist loop included."""
    bone = skin_weights.argmax(axis=1)
    chosen: list[int] = []
    for joint, name in enumerate(JOINT_NAMES):
        if joint == WRIST or name.endswith("_tip"):
            continue
        members = np.flatnonzero(bone == joint)
        at_tip = JOINT_NAMES[joint + 1].endswith("_tip")
        start = rest_joints[joint + 1] if at_tip else rest[members].mean(axis=0) + 1.0
        first = members[np.linalg.norm(rest[members] - start, axis=1).argmin()]
        chosen += _spread(rest, members, [int(first)], COARSE_PER_FINGER_BONE)
    palm = np.flatnonzero(bone == WRIST)
    chosen += _spread(rest, palm, wrist_loop[:: len(wrist_loop) // 4].tolist(), count - len(chosen))
    return np.array(sorted(chosen))


def _spread(rest: Floats, members: Ids, start: list[int], count: int) -> list[int]:
    """Add the member farthest from all chosen ones until there are `count`."""
    chosen = list(start)
    while len(chosen) < count:
        distances = np.linalg.norm(rest[members, None] - rest[chosen], axis=2).min(axis=1)
        chosen.append(int(members[distances.argmax()]))
    return chosen


def fit_upsampling(vertices: Floats, rest: Floats, skin_weights: Floats, coarse: Ids) -> Floats:
    """(V, C) weights, rows summing to 1, that give all vertices from the coarse ones near them.

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
        upsampling[vertex, near] = _smallest_combination(offsets.transpose(0, 2, 1).reshape(-1, len(near)))
    upsampling[coarse] = np.eye(len(coarse))
    return upsampling


def _finger_of(skin_weights: Floats) -> Ids:
    """(V,) 0 for the palm and wrist, 1..5 for thumb..pinky."""
    joint = skin_weights.argmax(axis=1)
    return np.where(joint == WRIST, 0, (joint - 1) // 4 + 1)


def _smallest_combination(offsets: Floats) -> Floats:
    """Weights w with sum 1 that minimise |offsets w|^2, plus what noise in the coarse vertices would add."""
    size = offsets.shape[1]
    normal = offsets.T @ offsets + len(offsets) * COARSE_NOISE**2 * np.eye(size)
    weights = np.linalg.solve(normal, np.ones(size))
    return np.asarray(weights / weights.sum())
