"""Conversion between the network's outputs and metres in the camera's optical frame.

The network describes a hand relative to its root joint in the **ray-aligned frame**: the optical frame rotated by the
minimal rotation R that takes the optical axis (0, 0, 1) to the unit ray d = (a, b, c) from the camera to the root::

        | 1 - a^2/(1+c)    -ab/(1+c)        a |
    R = |  -ab/(1+c)        1 - b^2/(1+c)   b |
        |  -a              -b               c |

So the same hand pose has the same coordinates wherever it appears in the image. Depth is given as `pixels_per_metre` s
at the root: with f = sqrt(fx fy), the root's pixel (u, v) and the intrinsics, the root is at ::

    z = f / s,    (x, y, z) = z ((u - cx) / fx, (v - cy) / fy, 1)

Pixels, s and intrinsics must belong to the same pixel grid. Scaling or cropping the image changes u, v, s and the
intrinsics together and leaves the metres unchanged.

All functions broadcast over leading dimensions.
"""

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.intrinsics import CameraIntrinsics


def project(points: npt.ArrayLike, camera: CameraIntrinsics) -> Float64Array:
    """Project points (..., 3) of the optical frame to pixels (..., 2); NaN behind the camera."""
    x, y, z = np.moveaxis(np.asarray(points, np.float64), -1, 0)
    z = np.where(z > 0, z, np.nan)
    return np.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], axis=-1)


def back_project(pixels: npt.ArrayLike, camera: CameraIntrinsics) -> Float64Array:
    """Points (..., 3) of the optical frame at z = 1 that project to `pixels` (..., 2)."""
    u, v = np.moveaxis(np.asarray(pixels, np.float64), -1, 0)
    return np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(u)], axis=-1)


def root_position(pixels: npt.ArrayLike, pixels_per_metre: npt.ArrayLike, camera: CameraIntrinsics) -> Float64Array:
    """Position (..., 3) in metres, optical frame, of the root joint that projects to `pixels` (..., 2).

    Parameters
    ----------
    pixels
        (..., 2) projection of the root joint.
    pixels_per_metre
        (...) pixels per metre parallel to the image plane at the root's depth, > 0.
    camera
        Intrinsics of the same pixel grid.
    """
    depth = np.sqrt(camera.fx * camera.fy) / np.asarray(pixels_per_metre, np.float64)
    return np.asarray(depth[..., None] * back_project(pixels, camera))


def pixels_per_metre(root: npt.ArrayLike, camera: CameraIntrinsics) -> Float64Array:
    """Pixels per metre (...) at the depth of `root` (..., 3): the inverse of `root_position`'s depth."""
    return np.asarray(np.sqrt(camera.fx * camera.fy) / np.asarray(root, np.float64)[..., 2])


def ray_rotation(root: npt.ArrayLike) -> Float64Array:
    """Rotation (..., 3, 3) from the ray-aligned frame of `root` (..., 3) to the camera's optical frame."""
    direction = np.asarray(root, np.float64)
    a, b, c = np.moveaxis(direction / np.linalg.norm(direction, axis=-1, keepdims=True), -1, 0)
    rows = (
        (1 - a * a / (1 + c), -a * b / (1 + c), a),
        (-a * b / (1 + c), 1 - b * b / (1 + c), b),
        (-a, -b, c),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def to_camera_frame(points: npt.ArrayLike, root: npt.ArrayLike) -> Float64Array:
    """Transform root-relative points (..., N, 3) of the ray-aligned frame of `root` (..., 3) to the optical frame."""
    rotated = np.asarray(points, np.float64) @ np.swapaxes(ray_rotation(root), -1, -2)
    return np.asarray(rotated + np.asarray(root, np.float64)[..., None, :])


def to_ray_frame(points: npt.ArrayLike, root: npt.ArrayLike) -> Float64Array:
    """Inverse of `to_camera_frame`: points (..., N, 3) of the optical frame relative to their `root` (..., 3)."""
    relative = np.asarray(points, np.float64) - np.asarray(root, np.float64)[..., None, :]
    return np.asarray(relative @ ray_rotation(root))
