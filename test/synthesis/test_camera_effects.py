"""Camera effects on rendered images."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")

from handos_model.synthesis.camera_effects import add_noise, apply_camera_effects

SIZE = 128


def test_camera_effects_keep_the_shape_and_do_not_change_their_input() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    kept = image.copy()
    for _ in range(30):
        degraded = apply_camera_effects(rng, image)
        assert degraded.shape == image.shape
        assert degraded.dtype == np.uint8
    assert np.array_equal(image, kept)


def test_noise_of_one_channel_is_grey_and_sums_stay_within_the_range() -> None:
    image = np.array([[[0, 100, 250]]], np.uint8)
    assert add_noise(image, np.full((1, 1, 1), 7.9, np.float32)).tolist() == [[[7, 107, 255]]]
    assert add_noise(image, np.array([[[-5, -0.5, 0]]], np.float32)).tolist() == [[[0, 99, 250]]]
