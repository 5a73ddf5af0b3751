"""Draws shaded hand meshes over an image."""

from collections.abc import Sequence

import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray, ImageArray, IntArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand, Handedness
from handos_model.hand.topology import HandTopology
from handos_model.visualization.triangle_painting import lambert, paint_triangles, visible_triangles

SIDE_COLOURS = {"left": (235, 150, 70), "right": (80, 160, 250)}
"""BGR: left hands are bluish, right hands orange."""

OPACITY = 0.8


def draw_meshes(
    image: ImageArray, hands: Sequence[Hand], topology: HandTopology, camera: CameraIntrinsics
) -> ImageArray:
    """Draw the hands' meshes over a copy of an image; hands without vertices are skipped.

    Parameters
    ----------
    image
        (H, W, 3) BGR.
    hands
        Hands with vertices in metres of `camera`'s optical frame.
    topology
        Topology of the vertices.
    camera
        Intrinsics of `image`.
    """
    drawn: ImageArray = image.copy()
    shaded = [
        _shaded_triangles(hand.vertices, hand.handedness, topology) for hand in hands if hand.vertices is not None
    ]
    if shaded:
        corners, colours = (np.concatenate(parts) for parts in zip(*shaded, strict=True))
        paint_triangles(drawn, corners, colours, camera, OPACITY)
    return drawn


def _shaded_triangles(
    vertices: FloatArray, handedness: Handedness, topology: HandTopology
) -> tuple[Float64Array, Float64Array]:
    """Corners (N, 3, 3) in metres and BGR colours (N, 3) of the visible triangles."""
    _require_topology(vertices, topology)
    closed, faces = _close_wrist(vertices, handedness, topology)
    corners = closed[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    visible = visible_triangles(corners, normals)
    colours = _face_brightness(normals, faces, len(topology.faces_right))[visible, None] * SIDE_COLOURS[handedness]
    return corners[visible], colours


def _require_topology(vertices: FloatArray, topology: HandTopology) -> None:
    if vertices.shape != (topology.vertex_count, 3):
        raise ValueError(
            f"the hand's vertices have shape {vertices.shape}, but topology {topology.id} has {topology.vertex_count} "
            "vertices: use the topology of the pipeline that returned the hand"
        )


def _close_wrist(vertices: FloatArray, handedness: Handedness, topology: HandTopology) -> tuple[Float64Array, IntArray]:
    """Vertices and faces of the mesh with a cap over the open wrist, so that the hand does not look hollow."""
    loop = topology.wrist_loop
    centre = np.full(len(loop), len(vertices))
    closed = np.vstack([vertices.astype(np.float64), vertices[loop].mean(axis=0)])
    ahead, behind = np.roll(loop, -1), loop
    cap = (ahead, behind, centre) if handedness == "right" else (behind, ahead, centre)
    return closed, np.vstack([topology.faces(handedness), np.column_stack(cap)])


def _face_brightness(face_normals: Float64Array, faces: IntArray, skin_count: int) -> Float64Array:
    """(F,) 0..1 by Lambert's law: smooth shading for the first `skin_count` faces, flat shading for the wrist cap."""
    skin = faces[:skin_count]
    ids = skin.T.ravel()
    # Vertex normals: area-weighted sums of the normals of the adjacent faces.
    vertex_normals = [np.bincount(ids, np.tile(face_normals[:skin_count, axis], 3)) for axis in range(3)]
    skin_brightness = lambert(np.stack(vertex_normals, axis=1))[skin].mean(axis=1)
    return np.concatenate([skin_brightness, lambert(face_normals[skin_count:])])
