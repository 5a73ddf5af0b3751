"""Meshes ready to be drawn, and the one mesh that a whole scene is joined into."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray
from handos_model.synthesis.assets import IntArray


@dataclass(frozen=True)
class Mesh:
    """Triangles in camera coordinates (metres, optical frame), textured."""

    vertices: FloatArray
    """(V, 3)"""
    faces: IntArray
    """(F, 3) counter-clockwise when seen from outside."""
    uv: FloatArray
    """(F, 3, 2) per corner, v down."""
    materials: npt.NDArray[np.int16]
    """(F,) rows of the scene's materials."""
    parts: npt.NDArray[np.uint8]
    """(F,) 0 = not a hand, 1 = palm, 2..6 = thumb..pinky."""
    tint: FloatArray
    """(V, 3) multiplies the texture's colour (BGR, linear)."""
    owners: npt.NDArray[np.int8]
    """(F,) which of the scene's hands a face belongs to; -1 for none."""


@dataclass(frozen=True)
class SceneMesh:
    """All meshes of a scene in one."""

    vertices: FloatArray
    normals: FloatArray
    """(V, 3) unit length, outward."""
    faces: IntArray
    uv: FloatArray
    materials: npt.NDArray[np.int16]
    parts: npt.NDArray[np.uint8]
    tint: FloatArray
    owners: npt.NDArray[np.int8]
    """(F,)"""


def join(meshes: Sequence[Mesh]) -> SceneMesh:
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
        parts=np.concatenate([mesh.parts for mesh in meshes]),
        tint=np.concatenate([mesh.tint for mesh in meshes]).astype(np.float32),
        owners=np.concatenate([mesh.owners for mesh in meshes]),
    )


@numba.njit(cache=True, fastmath=True)
def vertex_normals(vertices, faces):  # type: ignore[no-untyped-def]
    """(V, 3) unit normals: the faces' normals, weighted by area."""
    normals = np.zeros_like(vertices)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        wx, wy, wz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for v in range(len(normals)):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + np.float32(1e-20)
        normals[v] /= length
    return normals
