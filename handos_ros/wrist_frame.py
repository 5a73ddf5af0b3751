"""The coordinate frame of a wrist."""

import numpy as np

from handos_model.hand.hand import FloatArray, Handedness
from handos_model.hand.skeleton import JOINT_NAMES, WRIST

_INDEX_KNUCKLE = JOINT_NAMES.index("index_mcp")
_PINKY_KNUCKLE = JOINT_NAMES.index("pinky_mcp")


def wrist_orientation(joints_3d: FloatArray, handedness: Handedness) -> tuple[float, float, float, float]:
    """Orientation of the wrist in the camera's frame, as the quaternion x, y, z, w.

    The x axis points from the wrist to the middle between the knuckles of index and pinky, the z axis out of the back
    of the hand, and y completes the right-handed frame: a right hand's thumb lies on the side of +y, a left hand's on
    the side of -y.

    Parameters
    ----------
    joints_3d
        (21, 3) metres, camera optical frame.
    handedness
        Side of the hand.
    """
    to_index = joints_3d[_INDEX_KNUCKLE] - joints_3d[WRIST]
    to_pinky = joints_3d[_PINKY_KNUCKLE] - joints_3d[WRIST]
    back = _cross(to_pinky, to_index) if handedness == "right" else _cross(to_index, to_pinky)
    forward = to_index + to_pinky
    lengths = np.linalg.norm(forward), np.linalg.norm(back)
    if min(lengths) < 1e-9:
        return (0.0, 0.0, 0.0, 1.0)  # wrist and knuckles on one line: no hand has an orientation there
    x_axis, z_axis = forward / lengths[0], back / lengths[1]
    return _quaternion(np.stack([x_axis, _cross(z_axis, x_axis), z_axis], axis=1))


def _cross(first: FloatArray, second: FloatArray) -> FloatArray:
    """Cross product of two vectors (3,): numpy's is made for many, and takes 0.1 ms for two."""
    (a, b, c), (d, e, f) = first.tolist(), second.tolist()
    return np.array([b * f - c * e, c * d - a * f, a * e - b * d], np.float32)


def _quaternion(rotation: FloatArray) -> tuple[float, float, float, float]:
    """x, y, z, w of a (3, 3) rotation matrix."""
    # The eigenvector of the greatest eigenvalue of this matrix: unlike the formulas with square roots, it needs no
    # distinction of cases (Bar-Itzhack 2000).
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.astype(np.float64)
    symmetric = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    x, y, z, w = np.linalg.eigh(symmetric)[1][:, -1]
    return float(x), float(y), float(z), float(w)
