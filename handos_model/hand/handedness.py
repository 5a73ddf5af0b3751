"""Handedness from the mesh alone.

A right hand's mesh encloses a positive volume. A left hand is its mirror image, in which the same faces are inside out
and the volume is negative. So no classifier is needed.
"""

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray
from handos_model.hand.topology import HandTopology


def signed_volume(vertices: FloatArray, topology: HandTopology) -> npt.NDArray[np.float64]:
    """Volume of hand meshes in cubic metres: positive for right hands, negative for left ones.

    Parameters
    ----------
    vertices
        (..., V, 3) metres, any frame.

    Returns
    -------
    volume
        (...), one per hand.
    """
    # Sum of the tetrahedra between the faces and the centre of the wrist loop: closing the wrist would add next to
    # nothing.
    centre = vertices[..., topology.wrist_loop, :].mean(axis=-2, keepdims=True, dtype=np.float64)
    # Contiguous x, y and z: three times as fast as np.cross over the last axis.
    coordinates = np.ascontiguousarray(np.moveaxis(vertices - centre, -1, 0))
    corners = np.moveaxis(coordinates.take(topology.faces_right.T, axis=-1), -2, 1)
    (ax, bx, cx), (ay, by, cy), (az, bz, cz) = corners
    triple_products = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return np.asarray(triple_products.sum(axis=-1) / 6.0)


def handedness_from_mesh(
    vertices: FloatArray, topology: HandTopology, slope: float
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]]:
    """Handedness of hands and the confidence in it.

    Parameters
    ----------
    vertices
        (..., V, 3) metres, any frame.
    slope
        Slope of the confidence over volume / size^3, where size is the root mean square distance of the vertices from
        their mean; part of the weights' metadata, since they were calibrated with it.

    Returns
    -------
    handedness
        (...) ``"left"`` or ``"right"``.
    scores
        (...) 0.5..1.
    """
    volume = signed_volume(vertices, topology)
    # A mesh of undecided handedness is flat: its volume is small for its size.
    offsets = vertices - vertices.mean(axis=-2, keepdims=True, dtype=np.float64)
    size = np.sqrt(np.einsum("...vi,...vi->...", offsets, offsets) / vertices.shape[-2])
    relative_volume = np.abs(volume) / np.maximum(size, 1e-6) ** 3
    return np.where(volume < 0, "left", "right"), 1.0 / (1.0 + np.exp(-slope * relative_volume))
