"""Validation of lens models."""

import pytest

from handos_model.geometry.lens import LensDistortion


@pytest.mark.parametrize("coefficients", [(0.1,), (0.1, float("nan"), 0.0, 0.0)])
def test_unusable_coefficients_are_refused(coefficients: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="fisheye lens"):
        LensDistortion("fisheye", coefficients)
