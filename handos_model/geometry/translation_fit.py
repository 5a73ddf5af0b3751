"""Closed-form translation of a hand from all of its joints, an alternative to the output of the camera head.

With the root at t, joint k lies at q_k + t, where q_k is its root-relative position rotated into the optical frame. It
should project to its 2D joint, whose ray is (a_k, b_k, 1), so ::

    (q_kx + t_x) - a_k (q_kz + t_z) = 0        (q_ky + t_y) - b_k (q_kz + t_z) = 0

which is linear in t. Each joint is weighted by 1 / spread_k^2, its inverse variance; the weighted least squares of the
2 x 21 equations is a 3 x 3 system. (The residuals are pixels times depth / f, a nearly constant factor: the depths of
one hand's joints differ little.)
"""

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import back_project, ray_rotation


def fit_root_position(
    joints_2d: npt.ArrayLike,
    joint_spread: npt.ArrayLike,
    joints_3d: npt.ArrayLike,
    root_pixels: npt.ArrayLike,
    camera: CameraIntrinsics,
) -> Float64Array:
    """Fit root positions (..., 3) in metres, optical frame, so that the 3D joints project onto the 2D joints.

    Parameters
    ----------
    joints_2d
        (..., 21, 2) pixels.
    joint_spread
        (..., 21) uncertainty of each 2D joint in pixels, > 0.
    joints_3d
        (..., 21, 3) metres relative to the root, ray-aligned frame.
    root_pixels
        (..., 2) projection of the root: the ray that the frame is aligned with.
    camera
        Intrinsics of the same pixel grid.
    """
    rotation = ray_rotation(back_project(root_pixels, camera))
    rotated = np.asarray(joints_3d, np.float64) @ np.swapaxes(rotation, -1, -2)
    rays = back_project(joints_2d, camera)
    # One row per joint and axis: (1, 0, -a) t = a q_z - q_x, and the same for y.
    rows = np.concatenate([_equation_rows(rays, 0), _equation_rows(rays, 1)], axis=-2)
    offsets = rays[..., :2] * rotated[..., 2:] - rotated[..., :2]
    targets = np.concatenate([offsets[..., 0], offsets[..., 1]], axis=-1)
    weights = np.tile(1 / np.asarray(joint_spread, np.float64) ** 2, 2)
    weighted = np.swapaxes(rows * weights[..., None], -1, -2)
    return np.asarray(np.linalg.solve(weighted @ rows, (weighted @ targets[..., None]))[..., 0])


def _equation_rows(rays: Float64Array, axis: int) -> Float64Array:
    rows = np.zeros_like(rays)
    rows[..., axis] = 1
    rows[..., 2] = -rays[..., axis]
    return rows
