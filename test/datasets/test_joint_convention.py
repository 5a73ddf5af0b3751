"""MediaPipe's joints, moved to where the hand mesh has them."""

import json
from pathlib import Path

import numpy as np
import pytest

from handos_model.datasets.joint_convention import STEPS, require_convention, to_mesh_joints
from handos_model.geometry.arrays import FloatArray
from handos_model.hand.skeleton import JOINT_NAMES, JOINT_PARENTS

ROOT = Path(__file__).parents[2]
WRIST, MIDDLE_MCP = JOINT_NAMES.index("wrist"), JOINT_NAMES.index("middle_mcp")


@pytest.fixture
def hand() -> FloatArray:
    """Joints (21, 3) of a random hand in metres."""
    return np.random.default_rng(0).normal(0, 0.1, (len(JOINT_NAMES), 3)).astype(np.float32)


def test_the_wrist_moves_away_from_the_fingers_by_its_fraction_of_the_palm(hand: FloatArray) -> None:
    moved = to_mesh_joints(hand, "mediapipe")
    np.testing.assert_allclose(moved[WRIST], hand[WRIST] + 0.19 * (hand[WRIST] - hand[MIDDLE_MCP]), atol=1e-6)


@pytest.mark.parametrize("finger", ["index", "middle", "ring", "pinky"])
def test_fingers_become_longer_at_the_tip_and_palms_longer_at_the_knuckles(hand: FloatArray, finger: str) -> None:
    mcp, pip, dip, tip = (JOINT_NAMES.index(f"{finger}_{joint}") for joint in ("mcp", "pip", "dip", "tip"))
    moved = to_mesh_joints(hand, "mediapipe")
    assert np.linalg.norm(moved[tip] - hand[dip]) > 1.3 * np.linalg.norm(hand[tip] - hand[dip])
    assert np.linalg.norm(moved[mcp] - hand[pip]) < 0.9 * np.linalg.norm(hand[mcp] - hand[pip])
    np.testing.assert_array_equal(moved[[pip, dip]], hand[[pip, dip]])


def test_joints_that_are_where_the_mesh_has_them_stay(hand: FloatArray) -> None:
    np.testing.assert_array_equal(to_mesh_joints(hand, "mesh"), hand)


def test_moving_joints_and_viewing_them_may_be_exchanged(hand: FloatArray) -> None:
    rng = np.random.default_rng(1)
    view, offset = rng.normal(0, 500, (3, 2)).astype(np.float32), np.array([320, 240], np.float32)
    np.testing.assert_allclose(
        to_mesh_joints(hand @ view + offset, "mediapipe"), to_mesh_joints(hand, "mediapipe") @ view + offset, atol=1e-2
    )


def test_the_argument_is_not_changed(hand: FloatArray) -> None:
    before = hand.copy()
    to_mesh_joints(hand, "mediapipe")
    np.testing.assert_array_equal(hand, before)


def test_every_joint_moves_along_bones_or_across_the_palm() -> None:
    ways = {(JOINT_NAMES[parent], JOINT_NAMES[joint]) for joint, parent in enumerate(JOINT_PARENTS) if joint}
    ways |= {("pinky_mcp", "index_mcp"), ("middle_mcp", "wrist")}
    assert {(start, end) for steps in STEPS.values() for _, start, end in steps} <= ways


def test_the_fractions_are_those_that_were_measured() -> None:
    joints = json.loads((ROOT / "benchmarks" / "joint_conventions.json").read_text())["joints"]
    for name, joint in joints.items():
        assert [fraction for fraction, _, _ in STEPS.get(name, ())] == pytest.approx(joint["fractions"], abs=0.005)


def test_an_unknown_convention_is_named() -> None:
    with pytest.raises(ValueError, match="'openpose' is unknown: use mesh or mediapipe"):
        require_convention("openpose")
