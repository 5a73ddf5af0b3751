"""Pixels that surfaces cover in part: which samples are shaded, and what the image and its labels show."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering needs the train extra")

from handos_model.synthesis.antialiasing import choose_samples, resolve, resolve_labels

ONE_METRE = np.float32(1)
MATERIALS = np.array([0, 0, 1], np.int16)
"""Of three faces."""


def samples_of(*faces: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearness and faces of the four samples of one pixel."""
    face_ids = np.array(faces, np.int32).reshape(2, 2)
    return np.where(face_ids < 0, np.float32(0), ONE_METRE).astype(np.float32), face_ids


def test_pixel_of_one_surface_is_shaded_once_in_its_middle() -> None:
    pixels, faces, positions, weights = choose_samples(*samples_of(0, 1, 1, 0), MATERIALS)
    assert (pixels.tolist(), faces.tolist(), weights.tolist()) == ([0], [0], [1.0])
    assert positions.tolist() == [[0.5, 0.5]]


def test_pixel_between_two_materials_is_shaded_at_each_sample() -> None:
    _, faces, positions, weights = choose_samples(*samples_of(0, 2, 0, 2), MATERIALS)
    assert faces.tolist() == [0, 2, 0, 2]
    assert positions.tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert weights.tolist() == [0.25] * 4


def test_pixel_between_near_and_far_of_one_material_is_shaded_at_each_sample() -> None:
    nearness, face_ids = samples_of(0, 0, 1, 1)
    nearness[1] = 0.9 * ONE_METRE
    assert len(choose_samples(nearness, face_ids, MATERIALS)[0]) == 4


def test_empty_pixel_is_not_shaded_and_keeps_the_background() -> None:
    nearness, face_ids = samples_of(-1, -1, -1, -1)
    pixels, _, _, weights = choose_samples(nearness, face_ids, MATERIALS)
    background = np.full((1, 1, 3), 77, np.uint8)
    assert np.array_equal(resolve(pixels, weights, np.empty((3, 0), np.float32), background), background)


def test_background_fills_what_samples_leave() -> None:
    pixels, _, _, weights = choose_samples(*samples_of(0, -1, -1, 0), MATERIALS)
    white = np.ones((3, len(pixels)), np.float32)
    image = resolve(pixels, weights, white, np.full((1, 1, 3), (0, 100, 255), np.uint8))
    assert image[0, 0].tolist() == [128, 178, 255]


@pytest.mark.parametrize(("faces", "is_labelled"), [((-1, -1, -1, 0), False), ((-1, 0, -1, 0), True)])
def test_pixel_is_labelled_if_surfaces_cover_half_of_it(faces: tuple[int, ...], is_labelled: bool) -> None:
    parts, hands = np.array([4], np.uint8), np.array([1], np.int8)
    part_ids, hand_ids, depth = resolve_labels(*samples_of(*faces), parts, hands)
    labels = (part_ids[0, 0], hand_ids[0, 0], depth[0, 0])
    assert labels == ((4, 1, ONE_METRE) if is_labelled else (0, -1, np.inf))
