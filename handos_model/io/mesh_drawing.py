"""Shaded hand meshes over an image, far triangles first."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray, Hand
from handos_model.hand.topology import HandTopology, IntArray
from handos_model.io.frame import CameraIntrinsics, ImageArray

Floats = npt.NDArray[np.float64]

SIDE_COLOURS = {"left": (235, 150, 70), "right": (80, 160, 250)}
"""BGR: left hands are bluish, right hands orange."""

OPACITY = 0.8
AMBIENT = 0.35
TO_LIGHT = np.array([-0.35, -0.6, -0.72])
"""Unit vector of the optical frame: the light is above the camera, a little to the left."""
NEAREST = 0.01
"""Metres: triangles closer to the camera are not drawn."""

_FRACTION_BITS = 4
_FARTHEST_PIXEL = 20_000
"""Pixels are kept within what OpenCV's fixed-point drawing can hold."""


def draw_meshes(
    image: ImageArray, hands: Sequence[Hand], topology: HandTopology, camera: CameraIntrinsics
) -> ImageArray:
    """Copy of an image with the hands' meshes over it; hands without vertices are left out.

    Parameters
    ----------
    image
        (H, W, 3) BGR.
    hands
        Hands with vertices in metres of `camera`'s optical frame.
    topology
        The topology that the vertices belong to.
    camera
        Intrinsics of `image`.
    """
    drawn: ImageArray = image.copy()
    shaded = [_shaded_triangles(hand, topology, camera) for hand in hands if hand.vertices is not None]
    if shaded:
        pixels, depths, colours = (np.concatenate(parts) for parts in zip(*shaded, strict=True))
        far_first = np.argsort(-depths)
        _blend_triangles(drawn, pixels[far_first], colours[far_first])
    return drawn


def _shaded_triangles(hand: Hand, topology: HandTopology, camera: CameraIntrinsics) -> tuple[Floats, Floats, Floats]:
    """Pixels (N, 3, 2), depths (N,) and BGR colours (N, 3) of the triangles that face the camera."""
    vertices, faces = _with_closed_wrist(_checked_vertices(hand, topology), hand, topology)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces_camera = (normals * corners[:, 0]).sum(axis=1) < 0
    visible = faces_camera & (corners[:, :, 2] > NEAREST).all(axis=1)

    brightness = _face_brightness(normals, faces, len(topology.faces_right))[visible]
    focal, centre = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
    seen = corners[visible]
    pixels = seen[:, :, :2] / seen[:, :, 2:] * focal + centre
    return pixels, seen[:, :, 2].mean(axis=1), brightness[:, None] * np.array(SIDE_COLOURS[hand.handedness])


def _checked_vertices(hand: Hand, topology: HandTopology) -> FloatArray:
    assert hand.vertices is not None
    if hand.vertices.shape != (topology.vertex_count, 3):
        raise ValueError(
            f"a hand's vertices have shape {hand.vertices.shape}, but topology {topology.id} has "
            f"{topology.vertex_count} vertices: use the topology of the pipeline that made the hand"
        )
    return hand.vertices


def _with_closed_wrist(vertices: FloatArray, hand: Hand, topology: HandTopology) -> tuple[Floats, IntArray]:
    """Vertices and faces with a lid on the open wrist, so that nobody looks into a hollow hand."""
    loop = topology.wrist_loop
    middle = np.full(len(loop), len(vertices))
    closed = np.vstack([vertices.astype(np.float64), vertices[loop].mean(axis=0)])
    ahead, behind = np.roll(loop, -1), loop
    if hand.handedness == "right":
        return closed, np.vstack([topology.faces_right, np.column_stack([ahead, behind, middle])])
    return closed, np.vstack([topology.faces_left, np.column_stack([behind, ahead, middle])])


def _face_brightness(face_normals: Floats, faces: IntArray, skin_count: int) -> Floats:
    """(F,) 0..1 by Lambert's law; the first `skin_count` faces are shaded smoothly, those of the flat lid are not."""
    skin = faces[:skin_count]
    ids = skin.T.ravel()
    # Normals of the vertices: those of the adjoining faces, weighted by area.
    sums = [np.bincount(ids, np.tile(face_normals[:skin_count, axis], 3)) for axis in range(3)]
    of_skin = _lambert(np.stack(sums, axis=1))[skin].mean(axis=1)
    return np.concatenate([of_skin, _lambert(face_normals[skin_count:])])


def _lambert(normals: Floats) -> Floats:
    lengths = np.linalg.norm(normals, axis=1) + 1e-15
    return np.asarray(AMBIENT + (1.0 - AMBIENT) * np.clip(normals @ TO_LIGHT / lengths, 0.0, 1.0))


def _blend_triangles(image: ImageArray, pixels: Floats, colours: Floats) -> None:
    """Paint triangles in the given order onto a layer and blend it into `image`."""
    height, width = image.shape[:2]
    low = np.clip(np.floor(pixels.min(axis=(0, 1), initial=np.inf)), 0, [width, height])
    high = np.clip(np.ceil(pixels.max(axis=(0, 1), initial=-np.inf)) + 1, 0, [width, height])
    if (high <= low).any():
        return
    (left, top), (right, bottom) = low.astype(int), high.astype(int)
    region = image[top:bottom, left:right]
    layer = region.copy()
    limited = np.clip(pixels - low, -_FARTHEST_PIXEL, _FARTHEST_PIXEL)
    fixed_point = np.round(limited * 2**_FRACTION_BITS).astype(np.int32)
    for triangle, colour in zip(fixed_point, colours.tolist(), strict=True):
        cv2.fillConvexPoly(layer, triangle, colour, cv2.LINE_8, _FRACTION_BITS)
    # Where nothing was painted the layer equals the region, so blending changes only the hands.
    cv2.addWeighted(layer, OPACITY, region, 1.0 - OPACITY, 0.0, dst=region)
