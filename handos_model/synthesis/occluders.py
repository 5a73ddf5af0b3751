"""Objects: boxes, cylinders and balls with patterned surfaces."""

from functools import cache

import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray, IntArray
from handos_model.synthesis.mesh import Mesh
from handos_model.synthesis.rotations import random_rotation

SEGMENTS = 20
"""Around a cylinder or ball."""


def random_occluder(rng: np.random.Generator, centre: FloatArray, extent: float, material: int) -> Mesh:
    """A box, cylinder or ball of about `extent` metres around `centre` (3,), randomly rotated."""
    shape = rng.integers(3)
    scale = extent * rng.uniform([0.15, 0.15, 0.5], [0.6, 0.6, 1.2])
    if shape == 1:
        scale[1] = scale[0]
    return _placed((_box, _cylinder, _ball)[shape](), centre, random_rotation(rng), scale, material)


def box_mesh(centre: Float64Array, axes: Float64Array, extents: Float64Array, material: int) -> Mesh:
    """A box around `centre` (3,), with `extents` (3,) in metres along the columns of `axes` (3, 3)."""
    return _placed(_box(), centre, axes, extents, material)


def cylinder_mesh(centre: Float64Array, axes: Float64Array, extents: Float64Array, material: int) -> Mesh:
    """A cylinder around the last column of `axes`; arguments as of `box_mesh`."""
    return _placed(_cylinder(), centre, axes, extents, material)


def _placed(
    shape: tuple[np.ndarray, IntArray, np.ndarray], centre: np.ndarray, axes: np.ndarray, extents: np.ndarray,
    material: int,
) -> Mesh:  # fmt: skip
    vertices, faces, uv = shape
    vertices = (vertices * extents) @ axes.T + centre
    return Mesh(
        vertices=vertices.astype(np.float32),
        faces=faces,
        uv=uv.astype(np.float32),
        materials=np.full(len(faces), material, np.int16),
        part_ids=np.zeros(len(faces), np.uint8),
        tint=np.ones((len(vertices), 3), np.float32),
        hand_ids=np.full(len(faces), -1, np.int8),
    )


@cache
def _box() -> tuple[np.ndarray, IntArray, np.ndarray]:
    """Six faces that share no vertices, so that smooth normals keep the edges sharp."""
    vertices: list[np.ndarray] = []
    faces: list[list[int]] = []
    uv: list[np.ndarray] = []
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    for axis in range(3):
        for sign in (-1, 1):
            corners = np.insert(square[::sign], axis, sign / 2, axis=1)
            start = 4 * len(faces) // 2
            vertices.append(corners)
            for triangle in ((0, 1, 2), (0, 2, 3)):
                faces.append([start + k for k in triangle])
                uv.append(square[list(triangle)] + 0.5)
    return np.concatenate(vertices), np.array(faces, np.int32), np.array(uv)


@cache
def _cylinder() -> tuple[np.ndarray, IntArray, np.ndarray]:
    profile = np.array([[0.0, -0.5], [0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [0.5, 0.5], [0.0, 0.5]])
    return _surface_of_revolution(profile)


@cache
def _ball() -> tuple[np.ndarray, IntArray, np.ndarray]:
    angle = np.linspace(-np.pi / 2, np.pi / 2, 11)
    return _surface_of_revolution(np.stack([np.cos(angle), np.sin(angle)], axis=1) / 2)


def _surface_of_revolution(profile: np.ndarray) -> tuple[np.ndarray, IntArray, np.ndarray]:
    """A profile (n, 2: radius, height) rotated about the z axis."""
    angle = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    vertices = np.concatenate([np.column_stack([ring * r, np.full(SEGMENTS + 1, z)]) for r, z in profile])
    flat_uv = np.concatenate(
        [np.column_stack([angle / (2 * np.pi), np.full(SEGMENTS + 1, t)]) for t in np.linspace(0, 1, len(profile))]
    )
    faces = []
    for row in range(len(profile) - 1):
        for k in range(SEGMENTS):
            a, b = row * (SEGMENTS + 1) + k, (row + 1) * (SEGMENTS + 1) + k
            faces += [[a, a + 1, b + 1], [a, b + 1, b]]
    indices = np.array(faces, np.int32)
    return vertices, indices, flat_uv[indices]
