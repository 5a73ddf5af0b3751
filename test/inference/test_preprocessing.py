"""The letterbox: position of the image in the network's input, and the mapping between their pixels."""

import numpy as np
import pytest

from handos_model.architecture.input_size import InputSize
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.inference.preprocessing import PADDING_GREY, Letterbox, letterbox

INPUT = InputSize(height=256, width=320)
SIZES = [(640, 480), (480, 640), (333, 641), (1280, 720), (320, 320), (50, 31), (1, 700)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_mapping_to_the_input_and_back_is_the_identity(width: int, height: int) -> None:
    geometry = Letterbox.of_image(width, height, INPUT)
    pixels = np.random.default_rng(0).uniform(0, (width, height), (7, 21, 2))
    np.testing.assert_allclose(geometry.to_image(geometry.to_input(pixels)), pixels, atol=1e-9)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_image_touches_two_sides_and_the_rest_is_grey(width: int, height: int) -> None:
    network_input, geometry = letterbox(np.full((height, width, 3), 255, np.uint8), INPUT)
    inner_width, inner_height = geometry.inner_size
    assert network_input.shape == (1, 256, 320, 3)
    assert inner_width == 320 or inner_height == 256
    white = (network_input == 255).all(axis=-1)[0]
    rows, columns = np.nonzero(white)
    assert white.sum() == inner_width * inner_height
    assert (columns.min(), rows.min()) == (geometry.pad_x, geometry.pad_y)
    assert (network_input[0][~white] == PADDING_GREY).all()


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (777, 1081), (200, 100)])
def test_a_spot_lies_where_the_mapping_puts_it(width: int, height: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    row, column = height // 3, width // 4
    image[row - 8 : row + 9, column - 8 : column + 9] = 255
    network_input, geometry = letterbox(image, INPUT)
    inner_width, inner_height = geometry.inner_size
    inner = network_input[0, geometry.pad_y :, geometry.pad_x :][:inner_height, :inner_width, 0].astype(float)
    rows, columns = np.indices(inner.shape)
    centroid = np.array([(columns * inner).sum(), (rows * inner).sum()]) / inner.sum()
    expected = geometry.to_input((column, row))
    np.testing.assert_allclose(centroid, expected - (geometry.pad_x, geometry.pad_y), atol=0.05)


def test_fine_stripes_become_grey_without_aliasing() -> None:
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[:, ::2] = 255
    network_input, geometry = letterbox(image, INPUT)
    inner = network_input[0, geometry.pad_y + 1 : 256 - geometry.pad_y - 1]
    assert inner.min() > 110
    assert inner.max() < 145


def test_intrinsics_of_the_input_agree_with_the_pixel_mapping() -> None:
    camera = CameraIntrinsics(900, 910, 630, 365)
    geometry = Letterbox.of_image(1280, 721, INPUT)
    points = np.random.default_rng(0).uniform((-0.3, -0.3, 0.4), (0.3, 0.3, 1), (9, 3))
    np.testing.assert_allclose(
        project(points, geometry.input_intrinsics(camera)), geometry.to_input(project(points, camera)), atol=1e-9
    )


def test_non_contiguous_arrays_are_accepted() -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    np.testing.assert_array_equal(letterbox(image[:, ::-1], INPUT)[0], letterbox(image[:, ::-1].copy(), INPUT)[0])
