"""The distance to a measured surface, where the measurements agree on one."""

import numpy as np
import pytest

from handos_model.geometry.depth_residual import MIN_SAMPLES, DepthRange, depth_residual

COUNT = 100
VERTICES = np.tile(np.array([0, 0, 0.5], np.float32), (COUNT, 1))
PIXELS = np.stack([np.arange(COUNT), np.zeros(COUNT)], axis=1)


def residual_of(near: int, unmeasured: int = 0) -> float | None:
    """With `near` measurements at 0.4 m, `unmeasured` ones without a value and the others at 0.9 m."""
    depth = np.full((1, COUNT), 0.9, np.float32)
    depth[0, :near] = 0.4
    depth[0, COUNT - unmeasured :] = np.nan
    return depth_residual(VERTICES, PIXELS, depth)


@pytest.mark.parametrize(("near", "expected"), [(0, 0.4), (49, 0.4), (50, None), (51, -0.1), (100, -0.1)])
def test_the_surface_of_most_measurements_counts(near: int, expected: float | None) -> None:
    assert residual_of(near) == (None if expected is None else pytest.approx(expected))


def test_too_few_measurements_are_none() -> None:
    assert residual_of(near=COUNT, unmeasured=COUNT - MIN_SAMPLES) == pytest.approx(-0.1)
    assert residual_of(near=COUNT, unmeasured=COUNT - MIN_SAMPLES + 1) is None


@pytest.mark.parametrize("invalid", [0.0, -1.0, 1e-6, 65.535, 3e38, np.inf, np.nan])
def test_what_no_camera_measures_of_a_hand_is_ignored(invalid: float) -> None:
    assert depth_residual(VERTICES, PIXELS, np.full((1, COUNT), invalid, np.float32)) is None


@pytest.mark.parametrize("depth", [0.05, 0.3, 2.0, 10.0])
def test_the_range_of_measurements_can_be_changed(depth: float) -> None:
    measured = np.full((1, COUNT), depth, np.float32)
    assert depth_residual(VERTICES, PIXELS, measured, DepthRange(0.04, 11.0)) == pytest.approx(depth - 0.5)
    assert depth_residual(VERTICES, PIXELS, measured, DepthRange(0.4, 0.6)) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pixel", [np.nan, np.inf, 1e300, -1.0, 100.0])
def test_vertices_outside_of_the_depth_image_measure_nothing(pixel: float) -> None:
    pixels = np.stack([np.full(COUNT, pixel), np.zeros(COUNT)], axis=1)
    assert depth_residual(VERTICES, pixels, np.full((1, COUNT), 0.5, np.float32)) is None
