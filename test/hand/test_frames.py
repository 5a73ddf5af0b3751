"""Frames of wrist and fingertips, against an independent rotation formula."""

import numpy as np
import pytest
from hands import hand_at
from hypothesis import given
from hypothesis import strategies as st

from handos_model.geometry.quaternions import Quaternion
from handos_model.hand.frames import fingertip_orientation, wrist_orientation
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import FINGERTIPS, JOINT_NAMES


def rotated(rotation: Quaternion, vector: tuple[float, float, float]) -> np.ndarray:
    """`vector` rotated by a unit quaternion (x, y, z, w), by Rodrigues' formula."""
    axis, w, v = np.array(rotation[:3]), rotation[3], np.array(vector)
    return v + 2 * w * np.cross(axis, v) + 2 * np.cross(axis, np.cross(axis, v))


@pytest.mark.parametrize("side", ["right", "left"])
def test_wrist_frame_has_x_to_the_knuckles_and_z_out_of_the_back(side: Handedness) -> None:
    joints_3d = hand_at(200, side=side).joints_3d
    assert joints_3d is not None
    rotation = wrist_orientation(joints_3d, side)
    knuckles = joints_3d[[JOINT_NAMES.index("index_mcp"), JOINT_NAMES.index("pinky_mcp")]].mean(axis=0)
    forward = knuckles - joints_3d[0]
    np.testing.assert_allclose(rotated(rotation, (1, 0, 0)), forward / np.linalg.norm(forward), atol=1e-5)
    # The mean hand shows its palm in +z: the back faces the other way.
    assert rotated(rotation, (0, 0, 1))[2] < -0.9
    thumb = joints_3d[JOINT_NAMES.index("thumb_mcp")] - joints_3d[0]
    assert np.sign(rotated(rotation, (0, 1, 0)) @ thumb) == (1 if side == "right" else -1)


@pytest.mark.parametrize("tip", FINGERTIPS)
def test_fingertip_frame_has_x_along_the_last_bone(tip: int) -> None:
    joints_3d = hand_at(200).joints_3d
    assert joints_3d is not None
    bone = joints_3d[tip] - joints_3d[tip - 1]
    x_axis = rotated(fingertip_orientation(joints_3d, tip), (1, 0, 0))
    np.testing.assert_allclose(x_axis, bone / np.linalg.norm(bone), atol=1e-5)


@pytest.mark.parametrize("direction", [(-1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)])
def test_orientations_are_unit_quaternions_for_degenerate_hands(direction: tuple[float, float, float]) -> None:
    joints_3d = np.outer(np.arange(21), direction).astype(np.float32)
    for rotation in (wrist_orientation(joints_3d, "right"), fingertip_orientation(joints_3d, FINGERTIPS[0])):
        assert np.linalg.norm(rotation) == pytest.approx(1)


@given(
    st.sampled_from([-1.0, 1.0]),
    st.floats(-9, 0).map(lambda exponent: 10**exponent),
    st.floats(0, 2 * np.pi),
    st.floats(0.001, 0.1),
)
def test_fingertips_near_the_x_axis_have_unit_quaternions_too(
    sign: float, sine: float, turn: float, length: float
) -> None:
    joints_3d = np.zeros((21, 3), np.float32)
    direction = np.array([sign * np.sqrt(1 - sine**2), sine * np.cos(turn), sine * np.sin(turn)])
    joints_3d[FINGERTIPS[0]] = length * direction
    rotation = fingertip_orientation(joints_3d, FINGERTIPS[0])
    assert np.linalg.norm(rotation) == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(rotated(rotation, (1, 0, 0)), direction, atol=1e-5)
