"""Principal components of the shapes of many people."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import FloatArray

COMPONENTS: Final = 16


@dataclass(frozen=True)
class ShapeModel:
    """Mean shape and components of one standard deviation each, metres."""

    vertices: FloatArray
    """(V, 3)"""
    pivots: FloatArray
    """(B, 3)"""
    vertex_components: FloatArray
    """(S, V, 3)"""
    pivot_components: FloatArray
    """(S, B, 3)"""


def shape_model(vertices: FloatArray, pivots: FloatArray) -> ShapeModel:
    """The mean and the components of largest variance of people (N, V, 3) with pivots (N, B, 3)."""
    people, vertex_count = len(vertices), vertices.shape[1]
    shapes = np.concatenate([vertices, pivots], axis=1).reshape(people, -1)
    mean = shapes.mean(axis=0)
    centred = shapes - mean
    # People are fewer than coordinates: the eigenvectors of the smaller matrix give the same components.
    _, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    components = vectors[:, : -COMPONENTS - 1 : -1].T.astype(np.float32) @ centred / np.float32(np.sqrt(people - 1))
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(COMPONENTS), largest])[:, None]
    components = components.reshape(COMPONENTS, -1, 3)
    mean = mean.reshape(-1, 3)
    return ShapeModel(
        mean[:vertex_count], mean[vertex_count:], components[:, :vertex_count], components[:, vertex_count:]
    )
