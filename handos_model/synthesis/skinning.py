"""Linear blend skinning: from bone rotations to the vertices of a posed mesh."""

import numba
import numpy as np

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.synthesis.assets import RiggedMesh


def pose_mesh(
    mesh: RiggedMesh, vertices: FloatArray, pivots: FloatArray, rotations: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Pose a mesh with given rest vertices.

    Parameters
    ----------
    mesh
        The rig: skin weights and bone parents.
    vertices, pivots
        (V, 3) and (B, 3) at rest, metres.
    rotations
        (B, 3, 3) of each bone about its pivot, relative to its parent, in the axes of the mesh at rest.

    Returns
    -------
    vertices, transforms
        (V, 3) posed, metres; (B, 3, 4) rest to posed, for every bone.
    """
    transforms = bone_transforms(mesh.bone_parents, pivots, rotations)
    blended = (mesh.sparse_skin_weights @ transforms.reshape(len(pivots), 12)).reshape(-1, 3, 4)
    return _transform_each(blended, vertices), transforms


def bone_transforms(parents: IntArray, pivots: FloatArray, rotations: FloatArray) -> FloatArray:
    """(B, 3, 4) rest to posed, for every bone: forward kinematics."""
    return _forward_kinematics(parents, _parents_first(parents), pivots, np.ascontiguousarray(rotations, np.float32))


@numba.njit(cache=True)
def _parents_first(parents):  # type: ignore[no-untyped-def]
    order = np.empty(len(parents), np.int32)
    ordered = np.zeros(len(parents), np.bool_)
    count = 0
    while count < len(parents):
        for bone in range(len(parents)):
            if not ordered[bone] and (parents[bone] < 0 or ordered[parents[bone]]):
                order[count] = bone
                ordered[bone] = True
                count += 1
    return order


@numba.njit(cache=True)
def _forward_kinematics(parents, order, pivots, rotations):  # type: ignore[no-untyped-def]
    transforms = np.zeros((len(parents), 3, 4), np.float32)
    for bone in order:
        local = np.zeros((3, 4), np.float32)
        local[:, :3] = rotations[bone]
        for i in range(3):
            local[i, 3] = pivots[bone, i]
            for j in range(3):
                local[i, 3] -= rotations[bone, i, j] * pivots[bone, j]
        parent = parents[bone]
        if parent < 0:
            transforms[bone] = local
            continue
        for i in range(3):
            for j in range(4):
                value = transforms[parent, i, 3] if j == 3 else np.float32(0)
                for k in range(3):
                    value += transforms[parent, i, k] * local[k, j]
                transforms[bone, i, j] = value
    return transforms


@numba.njit(cache=True, fastmath=True)
def _transform_each(transforms, vertices):  # type: ignore[no-untyped-def]
    out = np.empty_like(vertices)
    for v in range(len(vertices)):
        for i in range(3):
            out[v, i] = (
                transforms[v, i, 0] * vertices[v, 0]
                + transforms[v, i, 1] * vertices[v, 1]
                + transforms[v, i, 2] * vertices[v, 2]
                + transforms[v, i, 3]
            )
    return out
