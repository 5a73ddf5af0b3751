"""The robot hands that people name, with the URDFs that dexi-rs brings."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

import dexi_rs
from generic_hands import generic_hand, joints_of, random_positions

from handos_model.retargeting.robot_file import robot_names
from handos_model.retargeting.robot_hand import load_robot_hand
from handos_model.retargeting.settings import RetargetingSettings
from handos_model.teleoperation.robot_side import open_pose

URDFS = Path(dexi_rs.asset_path("robots/hands"))
NAMED_HANDS = [name for name in robot_names() if name.endswith(("_left", "_right")) and not name.startswith("generic_")]
FINGERTIP_ERRORS = {"ability": 19, "allegro": 8, "inspire": 26, "leap": 9, "shadow": 9, "svh": 22}
"""Millimetres; the hands with the largest have 6 or 9 driven joints and cannot reach every pose of a person."""


@pytest.mark.parametrize("name", NAMED_HANDS)
@pytest.mark.parametrize("retargeting_type", ["vector", "dexpilot"])
def test_named_hands_pass_every_check_and_keep_their_limits(name: str, retargeting_type: str) -> None:
    robot = load_robot_hand(name, urdf=URDFS, retargeting_type=retargeting_type)
    retarget, rng = robot.retargeter(), np.random.default_rng(0)
    person = generic_hand(robot.side)
    for _ in range(20):
        positions = retarget(joints_of(person, random_positions(person, rng)), robot.side)
        assert positions.names == robot.joint_names
        assert (positions.positions >= robot.limits[:, 0]).all()
        assert (positions.positions <= robot.limits[:, 1]).all()


@pytest.mark.parametrize("name", NAMED_HANDS)
def test_fingertips_of_named_hands_go_where_those_of_scaled_hands_are(name: str) -> None:
    robot, rng = load_robot_hand(name, urdf=URDFS), np.random.default_rng(1)
    assert isinstance(robot.settings, RetargetingSettings)
    person, retarget, errors = generic_hand(robot.side), robot.retargeter(), []
    wrist = robot.settings.wrist_link_name
    assert wrist is not None
    for _ in range(15):
        joints = joints_of(person, random_positions(person, rng))
        for _ in range(30):  # until the smoothing has settled
            positions = retarget(joints, robot.side).by_name()
        poses = robot.model.link_poses(positions)
        for link, tip in robot.tip_links.items():
            vector = poses[link][:3, 3] - poses[wrist][:3, 3]
            errors.append(np.linalg.norm(vector - robot.settings.scaling_factor * joints[tip]))
    assert 1000 * np.mean(errors) < FINGERTIP_ERRORS[name.rpartition("_")[0]]


@pytest.mark.parametrize("name", NAMED_HANDS)
def test_named_hands_close_as_the_operators_hand_closes(name: str) -> None:
    robot = load_robot_hand(name, urdf=URDFS)
    person, side = generic_hand(robot.side), robot.side
    bent = [joint for joint in person.joint_names if joint.endswith(("_mcp", "_pip")) and "thumb" not in joint]
    reaches = []
    for angle in (0.0, 1.2):
        retarget = robot.retargeter()
        positions = retarget(joints_of(person, dict.fromkeys(bent, angle)), side).by_name()
        poses = robot.model.link_poses(positions)
        reaches.append(np.mean([poses[link][2, 3] for link, tip in robot.tip_links.items() if tip != 4]))
    assert reaches[1] < reaches[0] - 0.02  # metres: fingertips come back towards the wrist


def test_the_gripper_that_dexi_rs_brings_opens_and_closes() -> None:
    robot = load_robot_hand("panda_gripper", "right", urdf=URDFS)
    assert robot.joint_names == ("panda_finger_joint1",)
    assert np.array_equal(robot.limits, [[0.0, 0.04]])


def test_the_documented_example_of_an_own_robot_hand_works(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/teleoperation.md").read_text()
    (example,) = re.findall(r"^   ```yaml\n(.*?)^   ```$", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "fourier_right.yaml"
    file.write_text(textwrap.dedent(example))
    folder = URDFS / "fourier_hand/base_urdf"
    robot = load_robot_hand(str(file), "right", urdf=folder)
    joints = dict(zip(robot.joint_names, open_pose(robot).tolist(), strict=True))
    fingers = [abs(joints[f"R_{finger}_proximal_joint"]) for finger in ("index", "middle", "ring", "pinky")]
    assert max(fingers) < 0.1
    assert abs(joints["R_pinky_intermediate_joint"]) == pytest.approx(0.9, abs=0.05)
    for wrong, message in (("R_thumb_tip_link", "R_thumb_tip_link"), ("  hand_frame_rpy: [3.1416, 0, 1.5708]\n", "-z")):
        file.write_text(textwrap.dedent(example).replace(wrong, wrong[:-5] if wrong.startswith("R_") else ""))
        with pytest.raises(ValueError, match=message):
            load_robot_hand(str(file), "right", urdf=folder)
