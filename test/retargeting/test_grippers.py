"""Grippers follow the tips of thumb and index finger."""

from pathlib import Path

import numpy as np
import pytest

from handos_model.retargeting.grip import GripCalibration
from handos_model.retargeting.gripper import GripperSettings
from handos_model.retargeting.robot_file import robots_folder
from handos_model.retargeting.robot_hand import load_robot_hand


def hand_with_aperture(metres: float) -> np.ndarray:
    joints = np.random.default_rng(0).normal(0, 0.05, (21, 3))
    joints[8] = joints[4] + (0.0, metres, 0.0)
    return joints


@pytest.mark.parametrize(("aperture", "position"), [(0.2, 0.04), (0.1, 0.04), (0.06, 0.02), (0.02, 0.0), (0.0, 0.0)])
def test_the_opening_is_proportional_between_open_and_closed(aperture: float, position: float) -> None:
    retarget = load_robot_hand("generic_gripper", "right").retargeter(calibration=GripCalibration(0.1, 0.02))
    assert retarget(hand_with_aperture(aperture), "right").by_name()["right_gripper_thumb"] == pytest.approx(position)


def test_the_tips_of_the_generic_gripper_meet_when_it_is_closed() -> None:
    robot = load_robot_hand("generic_gripper", "left")
    open_tips, closed_tips = (
        [robot.model.link_poses({"left_gripper_thumb": position})[link][:3, 3] for link in robot.tip_links]
        for position in (0.04, 0.0)
    )
    assert np.linalg.norm(open_tips[0] - open_tips[1]) == pytest.approx(0.08)
    assert np.allclose(closed_tips[0], closed_tips[1])


def test_each_finger_is_on_the_side_of_its_name() -> None:
    right, left = load_robot_hand("generic_gripper", "right"), load_robot_hand("generic_gripper", "left")
    assert right.model.link_poses({"right_gripper_thumb": 0.04})["right_gripper_thumb_tip"][1, 3] == 0.04
    assert left.model.link_poses({"left_gripper_thumb": 0.04})["left_gripper_thumb_tip"][1, 3] == -0.04


def test_a_gripper_for_both_sides_takes_the_side_it_is_given(tmp_path: Path) -> None:
    urdf = tmp_path / "panda.urdf"
    urdf.write_text(
        '<robot name="panda"><link name="panda_hand"/><link name="panda_leftfinger"/><link name="panda_rightfinger"/>'
        '<joint name="panda_finger_joint1" type="prismatic"><parent link="panda_hand"/><child link="panda_leftfinger"/>'
        '<axis xyz="0 1 0"/><limit lower="0" upper="0.04" velocity="0.2" effort="20"/></joint>'
        '<joint name="panda_finger_joint2" type="prismatic"><parent link="panda_hand"/>'
        '<child link="panda_rightfinger"/><axis xyz="0 -1 0"/><limit lower="0" upper="0.04"/>'
        '<mimic joint="panda_finger_joint1"/></joint></robot>'
    )
    robot = load_robot_hand("panda_gripper", "left", urdf=urdf)
    assert robot.joint_names == ("panda_finger_joint1",)
    assert robot.retargeter()(hand_with_aperture(1.0), "left").positions == pytest.approx([0.04])


def test_a_hand_of_the_other_side_is_refused() -> None:
    with pytest.raises(ValueError, match="a left hand was given"):
        load_robot_hand("generic_gripper", "right").retargeter()(hand_with_aperture(0.1), "left")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("joints:", "joint:", "unknown key 'joint': did you mean joints"),
        ("{open: 0.04, closed: 0.0}", "{open: 0.04}", "right_gripper_thumb"),
        ("{open: 0.04, closed: 0.0}", "{open: 0.04, closed: .inf}", "right_gripper_thumb"),
        ("{open: 0.04, closed: 0.0}", "{open: 0.5, closed: 0.0}", "moves from 0 to 0.04.*0.5"),
        ("right_gripper_thumb: {", "right_gripper_tumb: {", "joint 'right_gripper_tumb'.*right_gripper_thumb"),
        ("[right_gripper_thumb_tip,", "[right_gripper_thumb_top,", "link 'right_gripper_thumb_top'"),
    ],
)
def test_a_wrong_gripper_file_gets_one_line(old: str, new: str, expected: str, tmp_path: Path) -> None:
    source = robots_folder() / "generic_gripper_right.yaml"
    assert old in source.read_text()
    path = tmp_path / source.name
    path.write_text(source.read_text().replace(old, new))
    with pytest.raises(ValueError, match=expected):
        load_robot_hand(str(path), urdf=source.with_suffix(".urdf"))


def test_a_gripper_has_gripper_settings() -> None:
    assert isinstance(load_robot_hand("generic_gripper", "left").settings, GripperSettings)
