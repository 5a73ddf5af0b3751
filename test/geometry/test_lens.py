"""Lens models: what a lens cannot see is NaN, and what is no lens is refused."""

import numpy as np
import pytest

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion

CAMERA = CameraIntrinsics(300, 300, 320, 240)
EQUIDISTANT = LensDistortion("fisheye", (0, 0, 0, 0))
BARREL = LensDistortion("radial_tangential", (-0.3, 0, 0, 0))
"""r (1 - 0.3 r^2) is largest, 0.703, at r = 1.054 and falls beyond."""


@pytest.mark.parametrize("coefficients", [(0.1,), (0.1, float("nan"), 0.0, 0.0)])
def test_unusable_coefficients_are_refused(coefficients: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="fisheye lens"):
        LensDistortion("fisheye", coefficients)


@pytest.mark.parametrize("degrees", [0.0, 22.0, 43.0, 75.0])
def test_a_fisheye_without_coefficients_sees_angles_in_proportion(degrees: float) -> None:
    angle = np.radians(degrees)
    ray = EQUIDISTANT.undistort_points([[320 + 300 * angle, 240]], CAMERA)
    np.testing.assert_allclose(ray, [[np.tan(angle), 0]], atol=1e-6)
    np.testing.assert_allclose(EQUIDISTANT.project([[np.tan(angle), 0, 1]], CAMERA), [[320 + 300 * angle, 240]])


@pytest.mark.parametrize("lens", [EQUIDISTANT, BARREL, LensDistortion("fisheye", (-0.1, 0, 0, 0))])
def test_a_pixel_that_the_lens_cannot_see_has_no_ray(lens: LensDistortion) -> None:
    pixels = [[320 + 500, 240], [320 + 2000, 240], [320, -1e7]]
    assert np.isnan(lens.undistort_points(pixels, CAMERA)).all()
    direction, magnification = lens.local_view(np.array(pixels[0]), CAMERA)
    assert np.isnan(direction).all()
    assert np.isnan(magnification)


def test_points_behind_the_camera_or_beyond_the_polynomial_have_no_pixel() -> None:
    points = [[0.0, 0, 1], [1.0, 0, 1], [1.2, 0, 1], [0, 0, -1], [0, 0, 0]]
    is_seen = np.isfinite(BARREL.project(points, CAMERA)).all(axis=1)
    assert is_seen.tolist() == [True, True, False, False, False]


def test_no_ray_comes_from_beyond_where_a_polynomial_turns_back() -> None:
    lens = LensDistortion("radial_tangential", (-0.3, 0.03, 0, 0))
    radii = np.linspace(0, 0.9, 200)
    rays = lens.undistort_points(np.stack([320 + 300 * radii, np.full(200, 240)], axis=1), CAMERA)[:, 0]
    found = rays[np.isfinite(rays)]
    assert 10 < len(found) < 200
    assert (np.diff(found) > 0).all()


def test_integers_are_numbers_too() -> None:
    camera = CameraIntrinsics(300, 300, 320, 240)
    assert camera.matrix.dtype == np.float64
    assert isinstance(camera.fx, float)
    np.testing.assert_allclose(EQUIDISTANT.undistort_points([[320, 240]], camera), [[0, 0]])


@pytest.mark.parametrize("first", [1e5, -1e5, 1e300])
def test_coefficients_of_no_real_lens_are_refused(first: float) -> None:
    for lens in (LensDistortion("fisheye", (first, 0, 0, 0)), LensDistortion("radial_tangential", (first, 0, 0, 0))):
        with pytest.raises(ValueError, match=rf"{first!r}.*even the middle".replace("+", r"\+")):
            lens.require_plausible(CAMERA, 640, 480)


@pytest.mark.parametrize(
    ("focal", "coefficients"), [(300, (-0.28, 0.07, 0.001, 0)), (20_000, (150.0, 0.0, 0.0, 0.0)), (300, (0.0,) * 4)]
)
def test_lenses_of_wide_and_of_long_focal_length_are_plausible(focal: float, coefficients: tuple[float, ...]) -> None:
    LensDistortion("radial_tangential", coefficients).require_plausible(
        CameraIntrinsics(focal, focal, 320, 240), 640, 480
    )
