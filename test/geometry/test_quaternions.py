"""Quaternions against SciPy's rotations."""

import numpy as np
from scipy.spatial.transform import Rotation

from handos_model.geometry.quaternions import (
    product,
    quaternions_from_matrices,
    rotated,
    rotation_matrix,
    rotation_vector,
)

RANDOM = np.random.default_rng(5).normal(size=(50, 2, 4))


def test_products_and_matrices_agree_with_scipy() -> None:
    for start, end in RANDOM:
        first, second = Rotation.from_quat(start), Rotation.from_quat(end)
        turned = Rotation.from_quat(product(tuple(second.as_quat()), tuple(first.as_quat())))
        np.testing.assert_allclose(turned.as_matrix(), (second * first).as_matrix(), atol=1e-12)
        np.testing.assert_allclose(rotation_matrix(tuple(first.as_quat())), first.as_matrix(), atol=1e-12)


def test_matrices_become_quaternions_of_the_same_rotation() -> None:
    rotations = Rotation.from_quat(RANDOM.reshape(-1, 4))
    quaternions = quaternions_from_matrices(rotations.as_matrix())
    np.testing.assert_allclose(Rotation.from_quat(quaternions).as_matrix(), rotations.as_matrix(), atol=1e-9)


def test_the_shortest_rotation_leads_from_one_orientation_to_the_other() -> None:
    for start, end in RANDOM:
        first, second = Rotation.from_quat(start), Rotation.from_quat(end)
        vector = rotation_vector(tuple(first.as_quat()), tuple(second.as_quat()))
        np.testing.assert_allclose(vector, (second * first.inv()).as_rotvec(), atol=1e-9)
        reached = Rotation.from_quat(rotated(tuple(first.as_quat()), vector))
        np.testing.assert_allclose(reached.as_matrix(), second.as_matrix(), atol=1e-9)
