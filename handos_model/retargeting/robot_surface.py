"""The surface of a robot hand's primitives as triangles, for drawing."""

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array, IntArray
from handos_model.retargeting.robot_model import RobotModel, Shape

_SEGMENTS: Final = 16
"""Of a circle."""


def robot_surface(model: RobotModel, positions: Mapping[str, float]) -> tuple[Float64Array, IntArray, Float64Array]:
    """Vertices, faces and colours of a robot hand.

    Parameters
    ----------
    model
        The robot hand.
    positions
        Radians or metres of its joints, by name.

    Returns
    -------
    vertices, faces, colours
        (V, 3) metres in the frame of the root link; (F, 3), counter-clockwise seen from outside; (F, 3) red, green,
        blue, 0..1. Empty for a robot that is described by meshes only.
    """
    poses = model.link_poses(positions)
    vertices: list[Float64Array] = [np.empty((0, 3))]
    faces: list[IntArray] = [np.empty((0, 3), np.int32)]
    colours: list[Float64Array] = [np.empty((0, 3))]
    count = 0
    for shape in model.shapes:
        points, triangles = _triangles(shape)
        pose = poses[shape.link] @ shape.origin
        vertices.append(points @ pose[:3, :3].T + pose[:3, 3])
        faces.append(triangles + count)
        colours.append(np.tile(shape.colour, (len(triangles), 1)))
        count += len(points)
    return np.concatenate(vertices), np.concatenate(faces), np.concatenate(colours)


def _triangles(shape: Shape) -> tuple[Float64Array, IntArray]:
    if shape.kind == "box":
        points, faces = _unit_box()
        return points * shape.size, faces
    if shape.kind == "cylinder":
        points, faces = _unit_cylinder()
        radius, length = shape.size
        return points * (radius, radius, length), faces
    points, faces = _unit_sphere()
    return points * shape.size[0], faces


@cache
def _unit_box() -> tuple[Float64Array, IntArray]:
    """Edges of length 1 about the origin."""
    points = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    return points, _split(quads)


@cache
def _unit_cylinder() -> tuple[Float64Array, IntArray]:
    """Radius 1, length 1 along z, about the origin."""
    return _revolved(((0.0, -0.5), (1.0, -0.5), (1.0, 0.5), (0.0, 0.5)))


@cache
def _unit_sphere() -> tuple[Float64Array, IntArray]:
    latitudes = np.linspace(-np.pi / 2, np.pi / 2, _SEGMENTS // 2 + 1)
    return _revolved(tuple(zip(np.cos(latitudes), np.sin(latitudes), strict=True)))


def _revolved(profile: tuple[tuple[float, float], ...]) -> tuple[Float64Array, IntArray]:
    """The surface that a profile of (radius, height) makes when turned about z; it begins and ends on the axis."""
    angles = np.arange(_SEGMENTS) * 2 * np.pi / _SEGMENTS
    points = [(radius * np.cos(a), radius * np.sin(a), height) for radius, height in profile for a in angles]
    quads = [
        (ring + k, ring + (k + 1) % _SEGMENTS, ring + _SEGMENTS + (k + 1) % _SEGMENTS, ring + _SEGMENTS + k)
        for ring in range(0, _SEGMENTS * (len(profile) - 1), _SEGMENTS)
        for k in range(_SEGMENTS)
    ]
    return np.array(points), _split(quads)


def _split(quads: object) -> IntArray:
    """(2 Q, 3) triangles of (Q, 4) quadrilaterals."""
    corners = np.asarray(quads, np.int32)
    return np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
