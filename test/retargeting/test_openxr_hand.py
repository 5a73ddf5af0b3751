"""OpenXR's 26 joints, by the conventions of XR_EXT_hand_tracking."""

import numpy as np
import pytest

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness
from handos_model.hand.topology import HandTopology
from handos_model.retargeting.hand_frame import hand_frame
from handos_model.retargeting.openxr_hand import (
    OPENXR_JOINT_NAMES,
    OPENXR_JOINTS_TRACKED,
    OpenXRHand,
    openxr_hand,
)

TOPOLOGY = HandTopology.load()
SIDES: tuple[Handedness, Handedness] = ("left", "right")
FINGERS = ("index", "middle", "ring", "little")


def mean_hand(side: Handedness) -> tuple[Float64Array, Float64Array]:
    """Joints (21, 3) and vertices (V, 3) of a mean hand, turned somehow."""
    vertices = TOPOLOGY.mean_vertices.astype(np.float64) * (-1 if side == "left" else 1, 1, 1)
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    vertices = vertices @ (rotation * np.linalg.det(rotation)).T + (0.1, 0.2, 0.8)
    return TOPOLOGY.joint_regressor @ vertices, vertices


def matrix(quaternion: Float64Array) -> Float64Array:
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def axes(hand: OpenXRHand, name: str) -> Float64Array:
    return matrix(hand.orientations[OPENXR_JOINT_NAMES.index(name)])


def position(hand: OpenXRHand, name: str) -> Float64Array:
    return hand.positions[OPENXR_JOINT_NAMES.index(name)]


def test_names_are_in_the_order_of_the_extension() -> None:
    assert len(OPENXR_JOINT_NAMES) == 26
    assert [OPENXR_JOINT_NAMES[k] for k in (0, 1, 2, 5, 6, 10, 11, 21, 25)] == [
        "palm",
        "wrist",
        "thumb_metacarpal",
        "thumb_tip",
        "index_metacarpal",
        "index_tip",
        "middle_metacarpal",
        "little_metacarpal",
        "little_tip",
    ]


@pytest.mark.parametrize("side", SIDES)
def test_joints_that_we_have_are_where_they_are(side: Handedness) -> None:
    joints, _ = mean_hand(side)
    hand = openxr_hand(joints, side)
    ours = {"wrist": 0, "thumb_metacarpal": 1, "thumb_proximal": 2, "thumb_distal": 3, "thumb_tip": 4}
    for finger, first in zip(FINGERS, (5, 9, 13, 17), strict=True):
        ours |= {f"{finger}_{part}": first + k for k, part in enumerate(("proximal", "intermediate", "distal", "tip"))}
    for name, joint in ours.items():
        assert np.allclose(position(hand, name), joints[joint]), name
        assert OPENXR_JOINTS_TRACKED[OPENXR_JOINT_NAMES.index(name)]


def test_palm_and_metacarpals_are_inferred_and_say_so() -> None:
    inferred = [name for name, tracked in zip(OPENXR_JOINT_NAMES, OPENXR_JOINTS_TRACKED, strict=True) if not tracked]
    assert inferred == ["palm", *(f"{finger}_metacarpal" for finger in FINGERS)]


def test_the_palm_is_at_the_centre_of_the_middle_metacarpal() -> None:
    hand = openxr_hand(mean_hand("right")[0], "right")
    ends = position(hand, "middle_metacarpal"), position(hand, "middle_proximal")
    assert np.allclose(position(hand, "palm"), np.mean(ends, axis=0))
    assert 0.055 < np.linalg.norm(ends[0] - ends[1]) < 0.075  # an adult's third metacarpal


@pytest.mark.parametrize("side", SIDES)
def test_minus_z_points_along_the_bone_to_the_fingertip(side: Handedness) -> None:
    hand = openxr_hand(mean_hand(side)[0], side)
    for number, name in enumerate(OPENXR_JOINT_NAMES[2:], start=2):
        begin, end = (number - 1, number) if name.endswith("_tip") else (number, number + 1)
        bone = hand.positions[end] - hand.positions[begin]
        assert np.allclose(-matrix(hand.orientations[number])[:, 2], bone / np.linalg.norm(bone), atol=1e-6), name


@pytest.mark.parametrize("side", SIDES)
def test_y_points_out_of_the_back_and_x_away_from_a_right_thumb(side: Handedness) -> None:
    joints, _ = mean_hand(side)
    hand, frame = openxr_hand(joints, side), hand_frame(joints, side)
    for name in ("palm", "wrist"):
        assert np.allclose(axes(hand, name)[:, 1], -frame[:, 0], atol=1e-6)
    to_thumb = joints[4] - joints[17]
    for finger in FINGERS:
        assert axes(hand, f"{finger}_proximal")[:, 1] @ -frame[:, 0] > 0.9
        assert (axes(hand, f"{finger}_proximal")[:, 0] @ to_thumb > 0) == (side == "left")


def test_orientations_are_unit_quaternions_of_rotations() -> None:
    hand = openxr_hand(mean_hand("left")[0], "left")
    assert np.allclose(np.linalg.norm(hand.orientations, axis=1), 1.0)


def test_a_left_hand_is_a_right_one_in_the_mirror() -> None:
    joints, _ = mean_hand("right")
    mirror = np.diag([-1.0, 1.0, 1.0])
    right, left = openxr_hand(joints, "right"), openxr_hand(joints @ mirror, "left")
    assert np.allclose(left.positions, right.positions @ mirror)
    flip = np.diag([-1.0, 1.0, 1.0])  # x changes its side, so that both are right-handed
    for number in range(26):
        of_left, of_right = matrix(left.orientations[number]), matrix(right.orientations[number])
        assert np.allclose(of_left, mirror @ of_right @ flip, atol=1e-6), OPENXR_JOINT_NAMES[number]


def test_a_finger_that_bends_by_a_right_angle_turns_its_nail_with_it() -> None:
    joints, _ = mean_hand("right")
    frame = hand_frame(joints, "right")
    palm, fingers = frame[:, 0], frame[:, 2]
    joints[6] = joints[5] + 0.04 * fingers
    joints[7] = joints[6] + 0.03 * palm  # bent by 90 degrees
    joints[8] = joints[7] - 0.02 * fingers  # and by 90 more
    hand = openxr_hand(joints, "right")
    assert axes(hand, "index_proximal")[:, 1] @ -palm > 0.95
    assert axes(hand, "index_intermediate")[:, 1] @ fingers > 0.95
    assert axes(hand, "index_distal")[:, 1] @ palm > 0.95


def test_the_thumbs_nail_faces_away_from_the_fingers() -> None:
    joints, _ = mean_hand("right")
    hand, frame = openxr_hand(joints, "right"), hand_frame(joints, "right")
    assert axes(hand, "thumb_distal")[:, 1] @ frame[:, 2] < -0.5


def test_a_finger_folded_back_onto_itself_has_axes() -> None:
    joints, _ = mean_hand("right")
    joints[7] = joints[5]
    joints[8] = joints[7]  # and a bone without length
    hand = openxr_hand(joints, "right")
    assert np.isfinite(hand.orientations).all()


def test_radii_reach_the_skin() -> None:
    joints, vertices = mean_hand("right")
    hand = openxr_hand(joints, "right", vertices.astype(np.float32))
    assert hand.radii is not None
    of = dict(zip(OPENXR_JOINT_NAMES, hand.radii, strict=True))
    assert (hand.radii > 0).all()
    assert 0.005 < of["index_intermediate"] < 0.012
    assert 0.008 < of["palm"] < 0.02


def test_without_a_mesh_there_are_no_radii() -> None:
    assert openxr_hand(mean_hand("right")[0], "right").radii is None


def test_joints_that_are_not_finite_are_refused() -> None:
    joints, _ = mean_hand("right")
    joints[17, 2] = np.nan
    with pytest.raises(ValueError, match="pinky_mcp"):
        openxr_hand(joints, "right")
