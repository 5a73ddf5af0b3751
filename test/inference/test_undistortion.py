"""Correction of metres for lens distortion, compared with OpenCV's projections."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hands import centred_vertices, right_hand_from

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion
from handos_model.geometry.projection import root_position, to_camera_frame, to_ray_frame
from handos_model.inference.undistortion import undistort

CAMERA = CameraIntrinsics(420.0, 425.0, 322.0, 238.0)
MATRIX = np.array([[420.0, 0, 322], [0, 425, 238], [0, 0, 1]])
LENSES = [
    LensDistortion("radial_tangential", (-0.28, 0.07, 0.0011, -0.0006, 0.0)),
    LensDistortion("radial_tangential", (0.9, 0.4, 0.0, 0.0, 0.02, 1.25, 0.6, 0.09)),
    LensDistortion("fisheye", (-0.01, 0.03, -0.02, 0.004)),
]


def project_with_opencv(lens: LensDistortion, points: np.ndarray) -> np.ndarray:
    project_points = cv2.fisheye.projectPoints if lens.model == "fisheye" else cv2.projectPoints
    shaped = points.astype(np.float64).reshape(-1, 1, 3)
    return project_points(shaped, np.zeros(3), np.zeros(3), MATRIX, np.array(lens.coefficients))[0].reshape(-1, 2)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("root", [(0.0, 0.0, 0.5), (0.2, -0.1, 0.5), (-0.32, 0.15, 0.6)])
def test_a_hand_is_moved_to_its_true_position(lens: LensDistortion, root: tuple[float, float, float]) -> None:
    true_root = np.array(root)
    # Output of a perfect network for the distorted image: the root's pixel and the pixels per metre around it.
    step = 1e-4
    around = true_root + step * np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    pixels = project_with_opencv(lens, around)
    per_metre = np.stack([pixels[1] - pixels[2], pixels[3] - pixels[4]]) / (2 * step)
    pinhole_root = root_position(pixels[0], np.sqrt(abs(np.linalg.det(per_metre))), CAMERA)
    shape = to_ray_frame(centred_vertices() + true_root, true_root)
    as_pinhole = right_hand_from(to_camera_frame(shape, pinhole_root), CAMERA)

    (hand,) = undistort([as_pinhole], CAMERA, lens)
    assert hand.vertices is not None
    np.testing.assert_allclose(hand.vertices, centred_vertices() + true_root, atol=2e-3)
    np.testing.assert_array_equal(hand.joints_2d, as_pinhole.joints_2d)


def test_a_lens_without_distortion_changes_nothing() -> None:
    hand = right_hand_from(centred_vertices() + np.array([0.1, 0.05, 0.6]), CAMERA)
    (same,) = undistort([hand], CAMERA, LensDistortion("radial_tangential", (0.0,) * 5))
    assert hand.vertices is not None
    assert same.vertices is not None
    np.testing.assert_allclose(same.vertices, hand.vertices, atol=1e-5)


def test_hands_without_metres_are_returned_unchanged() -> None:
    hand = replace(right_hand_from(centred_vertices() + np.array([0, 0, 0.5]), CAMERA), metric=None)
    assert undistort([hand], CAMERA, LENSES[0]) == (hand,)


@pytest.mark.parametrize("column", [600.0, 1500.0, 1e6])
@pytest.mark.parametrize("lens", [LensDistortion("radial_tangential", (-0.3, 0, 0, 0)), LENSES[2]])
def test_a_hand_where_the_lens_sees_nothing_loses_its_metres(lens: LensDistortion, column: float) -> None:
    camera = CameraIntrinsics(200, 200, 160, 120)
    root = np.array([0.6 * (column - 160) / 200, 0, 0.6])
    (hand,) = undistort([right_hand_from(centred_vertices() + root, camera)], camera, lens)
    assert hand.metric is None
