"""Textured triangle meshes, and the single mesh that a whole scene is joined into."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Mesh:
    """A textured mesh in camera coordinates (metres, optical frame)."""

    vertices: FloatArray
    """(V, 3)"""
    faces: IntArray
    """(F, 3) counter-clockwise when seen from outside."""
    uv: FloatArray
    """(F, 3, 2) texture coordinates of each corner, v down."""
    materials: npt.NDArray[np.int16]
    """(F,) indices into the scene's materials."""
    part_ids: npt.NDArray[np.uint8]
    """(F,) 0 = not a hand, 1 = palm, 2..6 = thumb..pinky."""
    tint: FloatArray
    """(V, 3) factors of the texture's colour, linear BGR."""
    hand_ids: npt.NDArray[np.int8]
    """(F,) index of the hand in the scene that a face belongs to; -1 for none."""


@dataclass(frozen=True)
class SceneMesh:
    """All meshes of a scene joined, with the fields of `Mesh`."""

    vertices: FloatArray
    normals: FloatArray
    """(V, 3) unit length, outward."""
    faces: IntArray
    uv: FloatArray
    materials: npt.NDArray[np.int16]
    part_ids: npt.NDArray[np.uint8]
    tint: FloatArray
    hand_ids: npt.NDArray[np.int8]


def join_meshes(meshes: Sequence[Mesh]) -> SceneMesh:
    """Join meshes and compute smooth normals."""
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    vertices = np.concatenate([mesh.vertices for mesh in meshes]).astype(np.float32)
    faces = np.concatenate([mesh.faces + np.int32(start) for mesh, start in zip(meshes, offsets, strict=False)])
    return SceneMesh(
        vertices=vertices,
        normals=vertex_normals(vertices, faces),
        faces=faces,
        uv=np.concatenate([mesh.uv for mesh in meshes]).astype(np.float32),
        materials=np.concatenate([mesh.materials for mesh in meshes]),
        part_ids=np.concatenate([mesh.part_ids for mesh in meshes]),
        tint=np.concatenate([mesh.tint for mesh in meshes]).astype(np.float32),
        hand_ids=np.concatenate([mesh.hand_ids for mesh in meshes]),
    )


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def vertex_normals(vertices, faces):  # type: ignore[no-untyped-def]
    """(V, 3) unit normals: the mean of the adjacent faces' normals, weighted by area."""
    normals = np.zeros_like(vertices)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        wx, wy, wz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for k in range(3):
            v = faces[f, k]
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(len(normals)):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        scale = np.float32(1) / (np.sqrt(x * x + y * y + z * z) + np.float32(1e-20))
        normals[v, 0], normals[v, 1], normals[v, 2] = x * scale, y * scale, z * scale
    return normals
