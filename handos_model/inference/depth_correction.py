"""Puts hands at the distance that a depth camera measured.

One camera alone confuses small and near hands with large and far ones; their shape and direction it sees well. So the
depth image moves the whole hand along its line of sight and changes nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray, Hand
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_model.inference.camera_geometry import project
from handos_model.inference.lens_distortion import LensDistortion
from handos_model.io.frame import CameraIntrinsics

Floats = npt.NDArray[np.float64]

FEWEST_SAMPLES: Final = 20
"""Vertices with a measured depth that a correction rests on."""
FARTHEST_SURFACE: Final = 0.12
"""Metres from the median residual beyond which a measurement belongs to something else: a table, another hand."""


def placed_by_depth(
    hands: Sequence[Hand],
    depth: FloatArray,
    topology: HandTopology,
    camera: CameraIntrinsics,
    lens: LensDistortion | None = None,
) -> tuple[Hand, ...]:
    """The hands at their measured distance, with `depth_residual` set where there were enough measurements.

    Parameters
    ----------
    hands
        In metres; hands without metres stay as they are.
    depth
        (H, W) metres along z, aligned with the hands' image; 0 or NaN where nothing was measured.
    topology
        The topology of the hands' vertices.
    camera, lens
        Of the image and the depth image.
    """
    return tuple(
        hand if hand.vertices is None else _placed(hand, _residual(hand, hand.vertices, depth, topology, camera, lens))
        for hand in hands
    )


def _placed(hand: Hand, residual: float | None) -> Hand:
    if residual is None or hand.joints_3d is None or hand.vertices is None:
        return hand
    root = hand.joints_3d[ROOT_JOINT]
    step = root * np.float32(residual / root[2])
    return replace(hand, joints_3d=hand.joints_3d + step, vertices=hand.vertices + step, depth_residual=residual)


def _residual(
    hand: Hand,
    vertices: FloatArray,
    depth: FloatArray,
    topology: HandTopology,
    camera: CameraIntrinsics,
    lens: LensDistortion | None,
) -> float | None:
    """Metres along z from the hand's surface to the measured one."""
    faces = topology.faces_left if hand.handedness == "left" else topology.faces_right
    near = vertices[_facing_the_camera(vertices, faces)]
    columns, rows = np.round(_pixels(near, camera, lens)).astype(int).T
    height, width = depth.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    measured = depth[rows[inside], columns[inside]]
    residuals = (measured - near[inside, 2])[np.isfinite(measured) & (measured > 0)]
    if len(residuals) < FEWEST_SAMPLES:
        return None
    # The background behind the fingers lies beyond, an arm before the hand before: the hand is in the middle.
    of_hand = residuals[np.abs(residuals - np.median(residuals)) < FARTHEST_SURFACE]
    return float(np.median(of_hand))


def _facing_the_camera(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Indices of the vertices of faces that are turned to the camera."""
    first, second, third = np.moveaxis(vertices[faces], 1, 0)
    normals = np.cross(second - first, third - first)
    return np.unique(faces[(normals * first).sum(axis=1) < 0])


def _pixels(points: FloatArray, camera: CameraIntrinsics, lens: LensDistortion | None) -> Floats:
    """(N, 2) pixels of points in front of the camera."""
    if lens is None:
        return project(points, camera)
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    project_points = cv2.fisheye.projectPoints if lens.model == "fisheye" else cv2.projectPoints
    shaped = points.astype(np.float64).reshape(-1, 1, 3)
    pixels, _ = project_points(shaped, np.zeros(3), np.zeros(3), matrix, np.array(lens.coefficients))
    return np.asarray(pixels, np.float64).reshape(-1, 2)
