"""Draws shaded hand meshes over an image with the painter's algorithm: far triangles first."""

from collections.abc import Sequence

import cv2
import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray, ImageArray, IntArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.hand.hand import Hand, Handedness
from handos_model.hand.topology import HandTopology

SIDE_COLOURS = {"left": (235, 150, 70), "right": (80, 160, 250)}
"""BGR: left hands are bluish, right hands orange."""

OPACITY = 0.8
AMBIENT = 0.35
TO_LIGHT = np.array([-0.35, -0.6, -0.72])
"""Unit vector of the optical frame: the light is above the camera, a little to the left."""
MIN_DEPTH = 0.01
"""Metres: triangles closer to the camera are not drawn."""
MAX_PIXEL = 20_000
"""Coordinates are clipped to this, which OpenCV's fixed-point drawing can hold."""

_FRACTION_BITS = 4


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
        _shaded_triangles(hand.vertices, hand.handedness, topology, camera)
        for hand in hands
        if hand.vertices is not None
    ]
    if shaded:
        pixels, depths, colours = (np.concatenate(parts) for parts in zip(*shaded, strict=True))
        far_first = np.argsort(-depths)
        _blend_triangles(drawn, pixels[far_first], colours[far_first])
    return drawn


def _shaded_triangles(
    vertices: FloatArray, handedness: Handedness, topology: HandTopology, camera: CameraIntrinsics
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Pixels (N, 3, 2), depths (N,) and BGR colours (N, 3) of the visible triangles."""
    _require_topology(vertices, topology)
    closed, faces = _close_wrist(vertices, handedness, topology)
    corners = closed[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces_camera = (normals * corners[:, 0]).sum(axis=1) < 0
    visible = faces_camera & (corners[:, :, 2] > MIN_DEPTH).all(axis=1)

    colours = _face_brightness(normals, faces, len(topology.faces_right))[visible, None] * SIDE_COLOURS[handedness]
    return project(corners[visible], camera), corners[visible, :, 2].mean(axis=1), colours


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
    skin_brightness = _lambert(np.stack(vertex_normals, axis=1))[skin].mean(axis=1)
    return np.concatenate([skin_brightness, _lambert(face_normals[skin_count:])])


def _lambert(normals: Float64Array) -> Float64Array:
    lengths = np.linalg.norm(normals, axis=1) + 1e-15
    return np.asarray(AMBIENT + (1.0 - AMBIENT) * np.clip(normals @ TO_LIGHT / lengths, 0.0, 1.0))


def _blend_triangles(image: ImageArray, pixels: Float64Array, colours: Float64Array) -> None:
    """Fill triangles in the given order and blend them into `image`."""
    height, width = image.shape[:2]
    low = np.clip(np.floor(pixels.min(axis=(0, 1), initial=np.inf)), 0, [width, height])
    high = np.clip(np.ceil(pixels.max(axis=(0, 1), initial=-np.inf)) + 1, 0, [width, height])
    if (high <= low).any():
        return
    (left, top), (right, bottom) = low.astype(int), high.astype(int)
    region = image[top:bottom, left:right]
    layer = region.copy()
    clipped = np.clip(pixels - low, -MAX_PIXEL, MAX_PIXEL)
    fixed_point = np.round(clipped * 2**_FRACTION_BITS).astype(np.int32)
    for triangle, colour in zip(fixed_point, colours.tolist(), strict=True):
        cv2.fillConvexPoly(layer, triangle, colour, cv2.LINE_8, _FRACTION_BITS)
    # Where no triangle was filled, the layer equals the region, so blending changes only the hands.
    cv2.addWeighted(layer, OPACITY, region, 1.0 - OPACITY, 0.0, dst=region)
