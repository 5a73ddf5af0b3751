"""Image files that are written and read again are the same."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from handos_model.files.images import read_image, write_image

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))


@given(hnp.arrays(np.uint8, SHAPES), st.sampled_from([".png", ".bmp", ".tiff", ".ppm", ".PNG"]))
def test_images_without_loss_read_back_as_they_were(image: np.ndarray, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{suffix}"
        write_image(path, image)
        np.testing.assert_array_equal(read_image(path), image)
        assert list(Path(folder).iterdir()) == [path]


@given(hnp.arrays(np.uint8, SHAPES), st.sampled_from([".jpg", ".webp"]))
def test_compressed_images_read_back_in_their_size(image: np.ndarray, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{suffix}"
        write_image(path, image)
        assert read_image(path).shape == image.shape
