"""The input size follows the image's aspect ratio."""

import numpy as np
import pytest

from handos_model.architecture.input_size import InputSize, InputSizes

SIZES = InputSizes(side=384, multiple=32)


@pytest.mark.parametrize(
    ("image_size", "expected"),
    [
        ((500, 500), InputSize(384, 384)),
        ((640, 480), InputSize(320, 448)),
        ((480, 640), InputSize(448, 320)),
        ((1280, 720), InputSize(288, 512)),
        ((1080, 1920), InputSize(512, 288)),
    ],
)
def test_common_image_sizes_get_an_input_of_their_aspect_ratio(
    image_size: tuple[int, int], expected: InputSize
) -> None:
    assert SIZES.for_image(*image_size) == expected


def test_no_input_has_more_pixels_than_the_square_or_a_smaller_scale() -> None:
    for width, height in [*np.random.default_rng(0).integers(1, 2000, (300, 2)).tolist(), (2000, 1), (1, 2000)]:
        size = SIZES.for_image(width, height)
        assert size.height * size.width <= 384**2
        assert 64 <= min(size.height, size.width) <= max(size.height, size.width) <= 1.5 * 384
        assert min(size.height / height, size.width / width) >= 384 / max(width, height)


def test_square_only_network_gets_the_square() -> None:
    assert InputSizes(side=320, multiple=320).for_image(1280, 720) == InputSize(320, 320)
