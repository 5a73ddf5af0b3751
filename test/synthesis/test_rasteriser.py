"""The z-buffer: exact coverage, visibility and interpolation."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")
pytest.importorskip("scipy", reason="rendering needs the train extra")

from handos_model.synthesis.mesh import vertex_normals
from handos_model.synthesis.rasteriser import orthographic_planes, perspective_planes, rasterise

FACES = np.array([[0, 2, 1], [0, 3, 2]], np.int32)


def square(depth: float) -> np.ndarray:
    """A 2 x 2 m square facing the camera."""
    return np.array([[-1, -1, depth], [1, -1, depth], [1, 1, depth], [-1, 1, depth]], np.float32)


FACES = np.array([[0, 2, 1], [0, 3, 2]], np.int32)


def test_rasteriser_covers_exactly_the_pixels_of_a_square() -> None:
    planes, bounds = perspective_planes(square(4.0), FACES, 40.0, 40.0, 31.7, 31.7)
    nearness, ids = rasterise(planes, bounds, 64, 64, np.float32(0))
    seen = ids >= 0
    # 2 m at 4 m and 40 px of focal length are 20 px: 21.7 .. 41.7.
    assert seen.sum() == 20 * 20
    assert seen[22:42, 22:42].all()
    assert np.allclose(nearness[seen], 0.25)


def test_nearer_face_hides_the_farther_one_in_any_order() -> None:
    vertices = np.concatenate([square(4.0), square(2.0)])
    for faces in (np.concatenate([FACES, FACES + 4]), np.concatenate([FACES + 4, FACES])):
        planes, bounds = perspective_planes(vertices, faces.astype(np.int32), 40.0, 40.0, 31.7, 31.7)
        nearness, _ = rasterise(planes, bounds, 64, 64, np.float32(0))
        assert nearness[32, 32] == pytest.approx(0.5)


def test_face_that_extends_behind_the_camera_is_not_rendered() -> None:
    vertices = square(2.0)
    vertices[:2, 2] = -1
    planes, bounds = perspective_planes(vertices, FACES, 40.0, 40.0, 31.5, 31.5)
    assert (rasterise(planes, bounds, 64, 64, np.float32(0))[1] < 0).all()


def test_faces_in_a_narrow_view_far_from_the_axis_leave_hardly_a_gap() -> None:
    steps = np.linspace(0, 0.12, 61)
    x, y = np.meshgrid(1.35 + steps, steps)
    vertices = np.stack([x, y, np.full_like(x, 1.5) + 0.1 * (x - 1.35)], axis=-1).reshape(-1, 3).astype(np.float32)
    first = (np.arange(60)[:, None] * 61 + np.arange(60)).reshape(-1, 1)
    faces = np.concatenate([first + np.array(corners) for corners in ((0, 62, 1), (0, 61, 62))]).astype(np.int32)
    planes, bounds = perspective_planes(vertices, faces, 6000.0, 6000.0, -5410.0, 0.0)
    nearness, ids = rasterise(planes, bounds, 400, 400, np.float32(0))
    # An edge that runs exactly through a sample may miss it.
    assert (ids < 0).sum() < 5
    assert np.allclose(1 / nearness[ids >= 0], 1.506, atol=0.007)


def test_orthographic_nearness_is_interpolated_between_vertices() -> None:
    points = np.array([[0, 0, 0], [40, 0, 4], [0, 40, 8]], np.float32)
    planes, bounds = orthographic_planes(points, np.array([[0, 1, 2]], np.int32), 64)
    nearness, _ = rasterise(planes, bounds, 64, 64, np.float32(-1))
    assert nearness[10, 20] == pytest.approx(2 + 2)
    assert nearness[50, 50] == -1


def test_normals_point_to_the_counter_clockwise_side() -> None:
    assert np.allclose(vertex_normals(square(2.0), FACES), [0, 0, -1], atol=1e-6)
