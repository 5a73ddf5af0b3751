"""Where the camera is: intrinsics of a small frame, and where in it the hand lies that the frame is about."""

from dataclasses import dataclass

import numpy as np

from handos_model.hand.hand import FloatArray
from handos_model.io.frame import CameraIntrinsics
from handos_model.synthesis.rotations import turn_about, uniform_rotation

FACING = np.diag([1.0, -1.0, -1.0])
"""Takes a hand or person (y up, looking along +z) upright before the camera, looking into it."""


@dataclass(frozen=True)
class Viewpoint:
    """A camera and the position of the main hand's centre before it."""

    camera: CameraIntrinsics
    centre: FloatArray
    """(3,) metres, camera coordinates."""


def random_viewpoint(rng: np.random.Generator, extent: float, fill: float, size: int) -> Viewpoint:
    """Choose a camera so that an object of `extent` metres covers the share `fill` of a frame of `size` pixels.

    Half of the frames are whole pictures of a camera, half are cut from a larger one: then the principal point lies
    anywhere, and the distance is free.
    """
    degrees = rng.uniform(50, 90)
    pixel = size * (0.5 + rng.normal(0, 0.32 * (1 - fill) + 0.05, 2).clip(-0.42, 0.42))
    if rng.random() < 0.5:
        whole = CameraIntrinsics.from_field_of_view(size, size, degrees)
        depth = max(whole.fx * extent / (fill * size), 0.16 + extent / 2)
        return Viewpoint(whole, _on_ray(whole, pixel, depth))
    depth = float(np.exp(rng.uniform(np.log(0.25), np.log(1.5)))) + extent / 4
    focal = fill * size * depth / extent
    # How far off its axis the whole picture's camera saw the hand.
    slope = np.tan(np.radians(degrees / 2)) * rng.uniform(-0.9, 0.9, 2) * [1.0, 0.7]
    principal = pixel - focal * slope
    cut = CameraIntrinsics(focal, focal, float(principal[0]), float(principal[1]))
    return Viewpoint(cut, _on_ray(cut, pixel, depth))


def _on_ray(camera: CameraIntrinsics, pixel: np.ndarray, depth: float) -> FloatArray:
    x, y = (pixel[0] - camera.cx) / camera.fx, (pixel[1] - camera.cy) / camera.fy
    return np.array([x * depth, y * depth, depth], np.float32)


def random_hand_rotation(rng: np.random.Generator) -> FloatArray:
    """(3, 3) hand axes to camera axes: mostly upright, palm, back and sides all frequent; a quarter anyhow."""
    if rng.random() < 0.25:
        return np.asarray(uniform_rotation(rng), np.float32)
    kind = rng.random()
    facing = rng.normal(0 if kind < 0.35 else 180, 35) if kind < 0.7 else rng.uniform(0, 360)
    tilt = float(np.clip(rng.normal(0, 30), -75, 75))
    roll = rng.uniform(0, 360) if rng.random() < 0.25 else rng.normal(0, 35)
    return np.asarray(turn_about(2, roll) @ turn_about(0, tilt) @ FACING @ turn_about(1, facing), np.float32)


def random_person_rotation(rng: np.random.Generator) -> FloatArray:
    """(3, 3) person's axes to camera axes: upright, facing the camera more or less."""
    yaw = rng.normal(0, 40) if rng.random() < 0.85 else rng.uniform(0, 360)
    lean = turn_about(2, rng.normal(0, 7)) @ turn_about(0, rng.normal(0, 10))
    return np.asarray(lean @ FACING @ turn_about(1, yaw), np.float32)
