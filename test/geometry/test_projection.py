"""Camera geometry against independent formulas, in round trips, and under scaling and cropping of the image."""

import cv2
import numpy as np
import pytest

from handos_model.architecture.input_size import InputSize
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import (
    back_project,
    pixels_per_metre,
    project,
    ray_rotation,
    root_position,
    to_camera_frame,
    to_ray_frame,
)
from handos_model.inference.preprocessing import Letterbox

CAMERA = CameraIntrinsics(fx=600, fy=620, cx=322, cy=238)


@pytest.fixture
def roots() -> np.ndarray:
    """(5, 4, 3) positions in front of the camera, over its whole view."""
    generator = np.random.default_rng(0)
    return generator.uniform((-0.4, -0.3, 0.3), (0.4, 0.3, 2.0), (5, 4, 3))


def test_the_rotation_is_the_smallest_from_the_optical_axis_to_the_ray(roots: np.ndarray) -> None:
    for root in roots.reshape(-1, 3):
        ray = root / np.linalg.norm(root)
        axis = np.cross((0, 0, 1), ray)
        axis_angle = axis / np.linalg.norm(axis) * np.arccos(ray[2])
        np.testing.assert_allclose(ray_rotation(root), cv2.Rodrigues(axis_angle)[0], atol=1e-12)


def test_the_rotation_on_the_optical_axis_is_the_identity() -> None:
    np.testing.assert_array_equal(ray_rotation((0, 0, 2)), np.eye(3))


def test_camera_and_ray_frames_are_inverse_over_leading_dimensions(roots: np.ndarray) -> None:
    points = np.random.default_rng(1).normal(0, 0.1, (5, 4, 21, 3))
    placed = to_camera_frame(points, roots)
    assert placed.shape == points.shape
    np.testing.assert_allclose(to_ray_frame(placed, roots), points, atol=1e-12)


def test_a_point_ahead_in_the_ray_frame_lies_on_the_same_ray(roots: np.ndarray) -> None:
    ahead = to_camera_frame(np.array([[0, 0, 0.2]]), roots)[..., 0, :]
    distance = np.linalg.norm(roots, axis=-1, keepdims=True)
    np.testing.assert_allclose(ahead, roots * (distance + 0.2) / distance, atol=1e-12)


def test_projection_agrees_with_opencv(roots: np.ndarray) -> None:
    matrix = np.array([[CAMERA.fx, 0, CAMERA.cx], [0, CAMERA.fy, CAMERA.cy], [0, 0, 1]])
    expected, _ = cv2.projectPoints(roots.reshape(-1, 3), np.zeros(3), np.zeros(3), matrix, None)
    np.testing.assert_allclose(project(roots, CAMERA).reshape(-1, 2), expected[:, 0], atol=1e-9)


def test_points_behind_the_camera_have_no_pixels() -> None:
    assert np.isnan(project((0, 0, -1), CAMERA)).all()


def test_the_position_is_recovered_from_pixel_and_scale(roots: np.ndarray) -> None:
    recovered = root_position(project(roots, CAMERA), pixels_per_metre(roots, CAMERA), CAMERA)
    np.testing.assert_allclose(recovered, roots, atol=1e-12)


def test_pixels_per_metre_is_the_projected_length_of_a_metre_at_the_root() -> None:
    square = CameraIntrinsics(500, 500, 320, 240)
    root = np.array([0.1, -0.2, 0.8])
    pixels = project(np.stack([root, root + np.array([1, 0, 0])]), square)
    assert pixels_per_metre(root, square) == pytest.approx(np.linalg.norm(pixels[1] - pixels[0]))


def test_back_projected_points_project_to_their_pixel() -> None:
    np.testing.assert_allclose(project(back_project((17, 400), CAMERA), CAMERA), (17, 400))


@pytest.mark.parametrize("size", [320, 417, 1280])
def test_resizing_the_image_does_not_change_the_metres(roots: np.ndarray, size: int) -> None:
    square = CameraIntrinsics(600, 600, 322, 238)
    letterbox = Letterbox.of_image(640, 480, InputSize(size, size))
    pixels = letterbox.to_input(project(roots, square))
    scale = pixels_per_metre(roots, square) * np.sqrt(letterbox.scale_x * letterbox.scale_y)
    recovered = root_position(pixels, scale, letterbox.input_intrinsics(square))
    np.testing.assert_allclose(recovered, roots, atol=1e-12)


def test_cropping_the_image_does_not_change_the_metres(roots: np.ndarray) -> None:
    cropped = CameraIntrinsics(CAMERA.fx, CAMERA.fy, CAMERA.cx - 100, CAMERA.cy - 50)
    pixels = project(roots, CAMERA) - (100, 50)
    np.testing.assert_allclose(root_position(pixels, pixels_per_metre(roots, CAMERA), cropped), roots, atol=1e-12)


def test_another_focal_length_does_not_change_the_metres(roots: np.ndarray) -> None:
    zoomed = CameraIntrinsics(CAMERA.fx * 1.7, CAMERA.fy * 1.7, CAMERA.cx, CAMERA.cy)
    scale = 1.7 * pixels_per_metre(roots, CAMERA)
    np.testing.assert_allclose(root_position(project(roots, zoomed), scale, zoomed), roots, atol=1e-12)
