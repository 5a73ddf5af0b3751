"""Where a hand is, from all of its joints at once: a closed-form alternative to the camera head's answer.

With the root at t, joint k lies at q_k + t, q_k being its root-relative position turned into the optical frame. It
should be seen at its 2D joint, whose ray is (a_k, b_k, 1), so ::

    (q_kx + t_x) - a_k (q_kz + t_z) = 0        (q_ky + t_y) - b_k (q_kz + t_z) = 0

which is linear in t. Each joint counts with 1 / spread_k^2, the inverse of its variance; the weighted least squares of
the 2 x 21 equations is a 3 x 3 system. (The residuals are pixels times depth / f: equal weights for all joints of one
hand, whose depths differ little.)
"""

import numpy as np
import numpy.typing as npt

from handos_model.inference.camera_geometry import back_project, ray_rotation
from handos_model.io.frame import CameraIntrinsics

Array = npt.NDArray[np.float64]


def fit_root_position(
    joints_2d: npt.ArrayLike,
    joint_spread: npt.ArrayLike,
    joints_3d: npt.ArrayLike,
    root_pixels: npt.ArrayLike,
    camera: CameraIntrinsics,
) -> Array:
    """Root positions (..., 3) in the optical frame, metres, that put root-relative joints onto the 2D joints.

    Parameters
    ----------
    joints_2d
        (..., 21, 2) pixels.
    joint_spread
        (..., 21) pixels, > 0: how uncertain each 2D joint is.
    joints_3d
        (..., 21, 3) metres from the root, ray-aligned frame.
    root_pixels
        (..., 2) where the root is seen: the ray that the frame is aligned with.
    camera
        Intrinsics of the same pixel grid.
    """
    rotation = ray_rotation(back_project(root_pixels, camera))
    turned = np.asarray(joints_3d, np.float64) @ np.swapaxes(rotation, -1, -2)
    rays = back_project(joints_2d, camera)
    # One row per joint and axis: (1, 0, -a) t = a q_z - q_x, and the same for y.
    rows = np.concatenate([_rows(rays, 0), _rows(rays, 1)], axis=-2)
    offsets = rays[..., :2] * turned[..., 2:] - turned[..., :2]
    wanted = np.concatenate([offsets[..., 0], offsets[..., 1]], axis=-1)
    weights = np.tile(1 / np.asarray(joint_spread, np.float64) ** 2, 2)
    weighted = np.swapaxes(rows * weights[..., None], -1, -2)
    return np.asarray(np.linalg.solve(weighted @ rows, (weighted @ wanted[..., None]))[..., 0])


def _rows(rays: Array, axis: int) -> Array:
    rows = np.zeros_like(rays)
    rows[..., axis] = 1
    rows[..., 2] = -rays[..., axis]
    return rows
