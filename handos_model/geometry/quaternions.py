"""Rotations as unit quaternions (x, y, z, w), the order of ROS."""

import math

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array

Quaternion = tuple[float, float, float, float]
"""x, y, z, w; unit length."""


def product(first: Quaternion, second: Quaternion) -> Quaternion:
    """Hamilton's product: the rotation `second`, followed by `first`."""
    ax, ay, az, aw = first
    bx, by, bz, bw = second
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotation_matrix(quaternion: Quaternion) -> Float64Array:
    """(3, 3) rotation: its columns are the axes of the turned frame."""
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternions_from_matrices(rotations: npt.NDArray[np.floating]) -> Float64Array:
    """Quaternions (..., 4) of rotations (..., 3, 3): eigenvectors of the largest eigenvalue (Bar-Itzhack, 2000)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = np.moveaxis(rotations.astype(np.float64), (-2, -1), (0, 1))
    symmetric = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    return np.asarray(np.linalg.eigh(np.moveaxis(symmetric, (0, 1), (-2, -1)))[1][..., -1])


def rotation_vector(start: Quaternion, end: Quaternion) -> Float64Array:
    """(3,) radians: the shortest rotation from `start` to `end`, about the axes of the frame that both are given in."""
    x, y, z, w = product(end, (-start[0], -start[1], -start[2], start[3]))
    sign = -1.0 if w < 0 else 1.0  # q and -q are the same rotation
    axis = sign * np.array([x, y, z])
    length = float(np.linalg.norm(axis))
    return np.zeros(3) if length == 0 else axis / length * 2 * math.atan2(length, sign * w)


def rotated(orientation: Quaternion, rotation: Float64Array) -> Quaternion:
    """An orientation after a rotation (3,) in radians about the axes of its frame."""
    angle = float(np.linalg.norm(rotation))
    axis = rotation * (math.sin(angle / 2) / angle if angle > 0 else 0.0)
    turned = np.array(product((*axis.tolist(), math.cos(angle / 2)), orientation))
    x, y, z, w = (turned / np.linalg.norm(turned)).tolist()
    return x, y, z, w
