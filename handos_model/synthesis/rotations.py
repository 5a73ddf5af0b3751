"""Rotation matrices from rotation vectors, compiled: the renderer needs many small batches."""

import numba
import numpy as np
import numpy.typing as npt

RotationVectors = npt.ArrayLike
"""(..., 3) axis times angle, radians."""


def rotation_matrices(vectors: RotationVectors) -> npt.NDArray[np.float64]:
    """(..., 3, 3) matrices of rotation vectors (..., 3)."""
    array = np.asarray(vectors, np.float64)
    return np.asarray(_rodrigues(array.reshape(-1, 3))).reshape(*array.shape[:-1], 3, 3)


def axis_rotation(axis: int, degrees: float) -> npt.NDArray[np.float64]:
    """(3, 3) right-handed rotation about coordinate axis 0, 1 or 2."""
    return rotation_matrices(np.radians(degrees) * np.eye(3)[axis])


def random_rotation(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(3, 3) uniformly distributed over all rotations: a random unit quaternion."""
    quaternion = rng.normal(size=4)
    w, vector = quaternion[0], quaternion[1:]
    length = np.linalg.norm(vector)
    return rotation_matrices(vector / length * 2 * np.arctan2(length, w))


@numba.njit(cache=True)
def _rodrigues(vectors):  # type: ignore[no-untyped-def]
    matrices = np.empty((len(vectors), 3, 3))
    for n in range(len(vectors)):
        x, y, z = vectors[n, 0], vectors[n, 1], vectors[n, 2]
        angle = np.sqrt(x * x + y * y + z * z) + 1e-12
        x, y, z = x / angle, y / angle, z / angle
        s, c = np.sin(angle), np.cos(angle)
        t = 1 - c
        matrices[n, 0] = np.array((c + x * x * t, x * y * t - z * s, x * z * t + y * s))
        matrices[n, 1] = np.array((x * y * t + z * s, c + y * y * t, y * z * t - x * s))
        matrices[n, 2] = np.array((x * z * t - y * s, y * z * t + x * s, c + z * z * t))
    return matrices


@numba.njit(cache=True)
def rotation_between(source, target):  # type: ignore[no-untyped-def]
    """The smallest rotation (3, 3) from one direction (3,) to another, float64; none between opposite ones."""
    source, target = source / np.sqrt((source * source).sum()), target / np.sqrt((target * target).sum())
    axis = np.empty((1, 3))
    axis[0, 0] = source[1] * target[2] - source[2] * target[1]
    axis[0, 1] = source[2] * target[0] - source[0] * target[2]
    axis[0, 2] = source[0] * target[1] - source[1] * target[0]
    sine = np.sqrt((axis * axis).sum())
    if sine < 1e-6:
        return np.eye(3)
    angle = np.arctan2(sine, (source * target).sum())
    return _rodrigues(axis / sine * angle)[0]
