"""Cameras that cannot see are told from those that see no hands."""

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from handos_model.geometry.arrays import ImageArray
from handos_model.inference.image_condition import FROZEN_AFTER, ImageMonitor

CLIP = Path(__file__).parents[2] / "demo" / "clip.mp4"


@pytest.fixture(scope="module")
def clip() -> list[ImageArray]:
    """Every 20th frame."""
    capture, frames = cv2.VideoCapture(str(CLIP)), []
    for index in count():
        readable, frame = capture.read()
        if not readable:
            return frames
        if index % 20 == 0:
            frames.append(frame)
    raise AssertionError


def noisy(images: list[ImageArray], change: Callable[[ImageArray], np.ndarray]) -> Iterator[ImageArray]:
    rng = np.random.default_rng(0)
    for image in images:
        yield np.clip(change(image) + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def problems(images: Iterator[ImageArray] | list[ImageArray]) -> list[str]:
    """What is found after each image, one per second."""
    monitor, found = ImageMonitor(), []
    for second, image in enumerate(images):
        monitor.look_at(image, 100.0 + second)
        found.append(monitor.condition.problem)
    return found


def test_a_camera_that_sees_has_no_problem(clip: list[ImageArray]) -> None:
    assert set(problems(clip)) == {""}
    assert set(problems(noisy(clip, lambda image: image))) == {""}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda image: image * 0.0, "almost black"),
        (lambda image: image * 0.05, "very dark"),
        (lambda image: image * 0.0 + 255, "overexposed"),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 0.015 * image.shape[1]), "out of focus"),
    ],
)
def test_what_hides_hands_is_named_after_three_seconds(
    change: Callable[[ImageArray], np.ndarray], named: str, clip: list[ImageArray]
) -> None:
    found = problems(noisy(clip[:5], change))
    assert found[:2] == ["", ""]
    assert all(named in problem for problem in found[2:])


def test_the_same_pixels_again_are_a_camera_that_stopped(clip: list[ImageArray]) -> None:
    found = problems([clip[0]] * (FROZEN_AFTER + 5))
    assert "" in found[FROZEN_AFTER - 1 : FROZEN_AFTER]
    assert "identical" in found[-1]
    assert problems([*[clip[0]] * (FROZEN_AFTER + 5), clip[1]])[-1] == ""


def test_a_hand_before_the_lens_for_a_moment_is_no_problem(clip: list[ImageArray]) -> None:
    black = np.zeros_like(clip[0])
    assert set(problems([clip[0], black, black, clip[1], black, clip[2]])) == {""}


@pytest.mark.parametrize("colour", [(90, 90, 90), (200, 200, 200)])
def test_an_empty_wall_is_not_out_of_focus(colour: tuple[int, int, int]) -> None:
    wall = np.full((480, 640, 3), colour, np.uint8)
    assert set(problems(noisy([wall] * 5, lambda image: image))) == {""}


def test_a_wall_in_uneven_light_is_not_out_of_focus() -> None:
    wall = np.tile(np.linspace(60, 200, 640)[None, :, None], (480, 1, 3))
    assert set(problems(noisy([wall] * 5, lambda image: image))) == {""}


def test_noise_is_no_lack_of_focus(clip: list[ImageArray]) -> None:
    rng = np.random.default_rng(0)
    assert set(
        problems([np.clip(image + rng.normal(0, 30, image.shape), 0, 255).astype(np.uint8) for image in clip])
    ) == {""}
    grain = [np.repeat(np.repeat(rng.integers(0, 255, (120, 160, 3), np.uint8), 4, 0), 4, 1) for _ in range(5)]
    assert set(problems(grain)) == {""}


def test_a_hand_lit_in_the_dark_is_no_problem() -> None:
    night = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(night, (400, 200), 70, (120, 140, 160), -1)
    assert set(problems(noisy([night] * 5, lambda image: image))) == {""}


def test_an_infrared_camera_that_fills_one_colour_is_not_dark(clip: list[ImageArray]) -> None:
    assert set(problems([image * np.array([0, 0, 1], np.uint8) for image in clip])) == {""}


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 5, 3), (3, 1000, 3)])
def test_tiny_images_are_judged_too(shape: tuple[int, int, int]) -> None:
    assert "almost black" in problems([np.zeros(shape, np.uint8)] * 3)[-1]


def test_looking_costs_nearly_nothing_per_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    monitor = ImageMonitor()
    started = time.process_time()
    for index in range(300):
        monitor.look_at(image, index / 30)
    assert (time.process_time() - started) / 300 < 150e-6  # 15 to 25 microseconds on an idle machine
