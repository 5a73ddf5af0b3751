"""Camera effects on rendered images."""

import numpy as np

from handos_model.synthesis.camera_effects import apply_camera_effects

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
