"""The hand frame, against the way by MANO's wrist that retargeting libraries go."""

import numpy as np
import pytest

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness
from handos_model.hand.topology import HandTopology
from handos_model.retargeting.hand_frame import ADULT_PALM_LENGTH, hand_frame, joints_in_hand_frame, palm_length

TOPOLOGY = HandTopology.load()
MEAN_JOINTS = (TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices).astype(np.float64)
SIDES: tuple[Handedness, Handedness] = ("left", "right")
FROM_MANO = {
    "right": np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]]),
    "left": np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]),
}
"""Rotations from the operator's wrist in MANO's axes to the robot's."""


def joints_by_way_of_mano(joints: Float64Array, side: Handedness) -> Float64Array:
    """Plane through joints 0, 5 and 9 by singular values, Gram-Schmidt, then the fixed rotation of the side."""
    centred = joints - joints[0]
    palm = centred[[0, 5, 9]]
    normal = np.linalg.svd(palm - palm.mean(axis=0))[2][2]
    x_axis = palm[0] - palm[2]
    x_axis = x_axis - (x_axis @ normal) * normal
    x_axis /= np.linalg.norm(x_axis)
    z_axis = np.cross(x_axis, normal)
    if z_axis @ (palm[1] - palm[2]) < 0:
        normal, z_axis = -normal, -z_axis
    return centred @ np.stack([x_axis, normal, z_axis], axis=1) @ FROM_MANO[side]


def turned(joints: Float64Array, seed: int) -> Float64Array:
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return joints @ (rotation * np.linalg.det(rotation)).T + (0.1, -0.2, 0.9)


def sided(side: Handedness) -> Float64Array:
    return MEAN_JOINTS * (-1 if side == "left" else 1, 1, 1)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(5))
def test_joints_are_those_of_the_way_by_mano(side: Handedness, seed: int) -> None:
    joints = turned(sided(side), seed)
    assert np.allclose(joints_in_hand_frame(joints, side), joints_by_way_of_mano(joints, side), atol=1e-12)


def test_x_points_out_of_the_palm_y_to_a_right_thumb_and_z_to_the_fingers() -> None:
    joints = joints_in_hand_frame(turned(sided("right"), 1), "right")
    thumb_tip, middle_tip, pinky_mcp = joints[4], joints[12], joints[17]
    assert middle_tip[2] > 0.15
    assert thumb_tip[1] > 0.05 > 0 > pinky_mcp[1]
    assert thumb_tip[0] > 0.02  # the resting thumb stands out of the palm


def test_a_left_hand_is_the_right_one_mirrored_in_y() -> None:
    left = joints_in_hand_frame(turned(sided("left"), 2), "left")
    assert np.allclose(left * (1, -1, 1), joints_in_hand_frame(sided("right"), "right"), atol=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_the_frame_is_a_rotation(side: Handedness) -> None:
    frame = hand_frame(turned(sided(side), 3), side)
    assert np.allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1.0)


def test_an_adults_palm_is_that_of_the_mean_mesh() -> None:
    assert palm_length(MEAN_JOINTS) == pytest.approx(ADULT_PALM_LENGTH, abs=0.0005)


def test_knuckles_in_line_with_the_wrist_are_refused() -> None:
    joints = sided("right")
    joints[5] = 2 * joints[9] - joints[0]
    with pytest.raises(ValueError, match="joints 0, 5 and 9"):
        hand_frame(joints, "right")


def test_a_joint_that_is_nan_is_named() -> None:
    joints = sided("right")
    joints[8, 1] = np.nan
    with pytest.raises(ValueError, match="index_tip"):
        joints_in_hand_frame(joints, "right")


def test_joints_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(20, 3\)"):
        hand_frame(sided("right")[:20], "right")
