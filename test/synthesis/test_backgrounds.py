"""Folders of background photographs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from handos_model.files.images import ImageFileError
from handos_model.synthesis.backgrounds import Backgrounds, blur

SIZE = 128


def test_background_folder_without_photographs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"contains no photographs.*--backgrounds"):
        Backgrounds(tmp_path, SIZE)


def test_unreadable_background_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not an image")
    with pytest.raises(ImageFileError, match=r"broken\.jpg"):
        Backgrounds(tmp_path, SIZE)


@pytest.mark.parametrize("sigma", [0.6, 1.7, 5.0])
def test_blur_is_gaussian(sigma: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    exact = cv2.GaussianBlur(image, (0, 0), sigma)
    assert np.abs(blur(image, sigma).astype(int) - exact).max() <= 1
