"""Random camera intrinsics and poses of hands and people relative to the camera."""

from dataclasses import dataclass

import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import back_project
from handos_model.synthesis.rotations import axis_rotation, random_rotation

FACING_CAMERA = np.diag([1.0, -1.0, -1.0])
"""(3, 3) from the axes of a hand or person (y up, facing +z) to camera axes: upright, facing the camera."""


@dataclass(frozen=True)
class Viewpoint:
    """A camera and the position of the main hand."""

    camera: CameraIntrinsics
    centre: FloatArray
    """(3,) of the hand, metres, camera coordinates."""


def random_viewpoint(rng: np.random.Generator, extent: float, fill: float, size: int) -> Viewpoint:
    """Choose a camera so that an object of `extent` metres covers a fraction `fill` of a frame of `size` pixels.

    Half of the frames are full images of a camera. The other half are crops of a larger image: the principal point may
    be anywhere, and the distance does not depend on `fill`.
    """
    degrees = rng.uniform(50, 90)
    pixel = size * (0.5 + rng.normal(0, 0.32 * (1 - fill) + 0.05, 2).clip(-0.42, 0.42))
    if rng.random() < 0.5:
        full = CameraIntrinsics.from_field_of_view(size, size, degrees)
        depth = max(full.fx * extent / (fill * size), 0.16 + extent / 2)
        return Viewpoint(full, _on_ray(full, pixel, depth))
    depth = float(np.exp(rng.uniform(np.log(0.25), np.log(1.5)))) + extent / 4
    focal = fill * size * depth / extent
    # Tangents of the angles between the optical axis and the centre of the crop.
    slope = np.tan(np.radians(degrees / 2)) * rng.uniform(-0.9, 0.9, 2) * [1.0, 0.7]
    principal = pixel - focal * slope
    crop = CameraIntrinsics(focal, focal, float(principal[0]), float(principal[1]))
    return Viewpoint(crop, _on_ray(crop, pixel, depth))


def _on_ray(camera: CameraIntrinsics, pixel: np.ndarray, depth: float) -> FloatArray:
    return (depth * back_project(pixel, camera)).astype(np.float32)


def random_hand_rotation(rng: np.random.Generator) -> FloatArray:
    """(3, 3) hand to camera axes: mostly upright, with palm, back and sides all frequent; a quarter uniform."""
    if rng.random() < 0.25:
        return np.asarray(random_rotation(rng), np.float32)
    kind = rng.random()
    facing = rng.normal(0 if kind < 0.35 else 180, 35) if kind < 0.7 else rng.uniform(0, 360)
    tilt = float(np.clip(rng.normal(0, 30), -75, 75))
    roll = rng.uniform(0, 360) if rng.random() < 0.25 else rng.normal(0, 35)
    return np.asarray(
        axis_rotation(2, roll) @ axis_rotation(0, tilt) @ FACING_CAMERA @ axis_rotation(1, facing), np.float32
    )


def random_person_rotation(rng: np.random.Generator) -> FloatArray:
    """(3, 3) person to camera axes: upright, mostly facing the camera."""
    yaw = rng.normal(0, 40) if rng.random() < 0.85 else rng.uniform(0, 360)
    lean = axis_rotation(2, rng.normal(0, 7)) @ axis_rotation(0, rng.normal(0, 10))
    return np.asarray(lean @ FACING_CAMERA @ axis_rotation(1, yaw), np.float32)


def head_mounted_rotation(rng: np.random.Generator) -> FloatArray:
    """(3, 3) person to the axes of a camera on their head, which looks where they do, but downwards."""
    looking_ahead = np.diag([-1.0, -1.0, 1.0])
    tilt = axis_rotation(2, rng.normal(0, 6)) @ axis_rotation(0, rng.uniform(25, 65))
    return np.asarray(tilt @ looking_ahead @ axis_rotation(1, rng.normal(0, 8)), np.float32)
