"""Which point of the surface each texel of a texture shows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from handos_model.geometry.arrays import FloatArray, ImageArray, IntArray
from handos_model.synthesis.mesh import vertex_normals

_BORDER: Final = 8
"""Texels around the used ones that repeat their colour: smaller textures and their filters reach there."""


@dataclass(frozen=True)
class Texels:
    """The N used texels of a texture, and the points (N, 3) and normals (N, 3) of the surface that they show."""

    size: tuple[int, int]
    """Width and height of the texture."""
    rows: IntArray
    columns: IntArray
    faces: IntArray
    """(N,) the face that each texel is on."""
    points: FloatArray
    normals: FloatArray

    @classmethod
    def bake(
        cls, vertices: FloatArray, faces: IntArray, uv: FloatArray, face_uv: IntArray, size: tuple[int, int]
    ) -> "Texels":
        """The texels of faces (F, 3) with vertices (V, 3) and texture coordinates (U, 2), v up."""
        width, height = size
        corners = np.stack([uv[:, 0] * width, (1 - uv[:, 1]) * height], axis=1)[face_uv] - 0.5
        face_ids = np.full((height, width), -1, np.int32)
        for face, triangle in enumerate(corners):
            cv2.fillConvexPoly(face_ids, (triangle * 16).round().astype(np.int32), face, shift=4)
        rows, columns = np.nonzero(face_ids >= 0)
        on_face = face_ids[rows, columns]
        weights = _barycentric(corners[on_face], np.stack([columns, rows], axis=1))[..., None]
        normals = (vertex_normals(vertices, faces)[faces[on_face]] * weights).sum(axis=1)
        return cls(
            size=size,
            rows=rows.astype(np.int32),
            columns=columns.astype(np.int32),
            faces=on_face,
            points=(vertices[faces[on_face]] * weights).sum(axis=1).astype(np.float32),
            normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9)).astype(np.float32),
        )

    def values(self, image: FloatArray) -> FloatArray:
        """(N,) values of an image of the texture's size."""
        return np.asarray(image[self.rows, self.columns])

    def image(self, colours: FloatArray) -> ImageArray:
        """The texture of colours (N, 3) BGR, 0..1, encoded as the renderer decodes them."""
        width, height = self.size
        encoded = (np.sqrt(colours.clip(0, 1)) * 255).round().astype(np.uint8)
        texture = np.empty((height, width, 3), np.uint8)
        texture[:] = encoded.mean(axis=0).round().astype(np.uint8)
        near, source = self._border
        texture[near] = encoded[source]
        return texture

    @cached_property
    def _border(self) -> tuple[npt.NDArray[np.bool_], IntArray]:
        """(H, W) mask of the texels in use or next to them, and the used texel nearest to each."""
        width, height = self.size
        numbers = np.full((height, width), -1, np.int32)
        numbers[self.rows, self.columns] = np.arange(len(self.rows))
        distance, nearest = distance_transform_edt(numbers < 0, return_indices=True)
        near = distance <= _BORDER
        return near, numbers[nearest[0][near], nearest[1][near]]


def _barycentric(triangles: npt.NDArray[np.floating], points: IntArray) -> FloatArray:
    """(N, 3) weights of the corners of triangles (N, 3, 2) at points (N, 2), within the triangle."""
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    p = points - triangles[:, 0]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    second = (p[:, 0] * b[:, 1] - p[:, 1] * b[:, 0]) / area
    third = (a[:, 0] * p[:, 1] - a[:, 1] * p[:, 0]) / area
    weights = np.stack([1 - second - third, second, third], axis=1).clip(0, 1)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
