"""Known hands -> retargeting -> forward kinematics of the generic robots."""

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from generic_hands import SIDES, anywhere, generic_hand, joints_of, random_positions

from handos_model.hand.hand import Handedness
from handos_model.retargeting.dexi_retargeter import DexiRetargeter
from handos_model.retargeting.retargeter import Retargeter
from handos_model.retargeting.robot_hand import RobotHand
from handos_model.retargeting.settings import RetargetingSettings


def settled(retarget: Retargeter, joints: np.ndarray, side: Handedness, calls: int = 30) -> dict[str, float]:
    """Positions once the smoothing has settled."""
    for _ in range(calls):
        positions = retarget(joints, side)
    return positions.by_name()


def tip_errors(robot: RobotHand, positions: dict[str, float], joints: np.ndarray) -> np.ndarray:
    """Metres between the robot's fingertips and those of a hand (21, 3) in the frame of the palm."""
    poses = robot.model.link_poses(positions)
    return np.array([np.linalg.norm(poses[link][:3, 3] - joints[k]) for link, k in robot.tip_links.items()])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("retargeting_type", ["vector", "dexpilot"])
def test_fingertips_reach_those_of_hands_seen_from_anywhere(side: Handedness, retargeting_type: str) -> None:
    robot, rng = generic_hand(side, retargeting_type), np.random.default_rng(0)
    retarget, errors = robot.retargeter(), []
    for _ in range(15):
        joints = joints_of(robot, random_positions(robot, rng))
        errors.append(tip_errors(robot, settled(retarget, anywhere(joints, rng), side), joints))
    limit = 0.004 if retargeting_type == "vector" else 0.012  # dexpilot closes fingertips that come near each other
    assert np.mean(errors) < limit


@pytest.mark.parametrize("side", SIDES)
def test_known_joint_angles_are_found(side: Handedness) -> None:
    robot, rng = generic_hand(side), np.random.default_rng(1)
    retarget, errors = robot.retargeter(), []
    for _ in range(15):
        truth = random_positions(robot, rng)
        found = settled(retarget, anywhere(joints_of(robot, truth), rng), side)
        errors.append([abs(found[name] - truth[name]) for name in robot.joint_names])
    assert np.median(errors) < np.radians(6)


def test_left_hands_move_the_left_robot_as_right_ones_the_right() -> None:
    left, right, rng = generic_hand("left"), generic_hand("right"), np.random.default_rng(2)
    retarget_left, retarget_right = left.retargeter(), right.retargeter()
    for _ in range(10):
        joints = joints_of(right, random_positions(right, rng))
        of_left = retarget_left(anywhere(joints * (1, -1, 1), rng), "left").by_name()
        of_right = retarget_right(anywhere(joints, rng), "right").by_name()
        for name, position in of_right.items():
            assert of_left[name.replace("right_", "left_")] == pytest.approx(position, abs=1e-6)


@pytest.mark.parametrize("size", [0.7, 1.3])
def test_hands_of_every_size_move_the_robot_alike(size: float) -> None:
    robot, rng = generic_hand("right"), np.random.default_rng(3)
    joints = joints_of(robot, random_positions(robot, rng))
    assert settled(robot.retargeter(), size * joints, "right") == pytest.approx(
        settled(robot.retargeter(), joints, "right"), abs=1e-4
    )


def test_impossible_hands_keep_the_robot_within_its_limits() -> None:
    robot, rng = generic_hand("right"), np.random.default_rng(4)
    retarget = robot.retargeter()
    for _ in range(200):
        positions = retarget(rng.normal(0, 0.2, (21, 3)), "right").positions
        assert (positions >= robot.limits[:, 0]).all()
        assert (positions <= robot.limits[:, 1]).all()


def test_a_hand_after_reset_is_not_smoothed_towards_earlier_ones() -> None:
    robot, rng = generic_hand("right"), np.random.default_rng(5)
    first, second = (joints_of(robot, random_positions(robot, rng)) for _ in range(2))
    retarget, fresh = robot.retargeter(), robot.retargeter()
    retarget(first, "right")
    retarget.reset()
    assert np.allclose(retarget(second, "right").positions, fresh(second, "right").positions, atol=1e-9)


def test_smoothing_moves_the_joints_by_the_given_fraction() -> None:
    robot, rng = generic_hand("right"), np.random.default_rng(6)
    assert isinstance(robot.settings, RetargetingSettings)
    first, second = (joints_of(robot, random_positions(robot, rng)) for _ in range(2))
    smooth, direct = (
        replace(robot, settings=replace(robot.settings, low_pass_alpha=alpha)).retargeter() for alpha in (0.25, 1.0)
    )
    before, raw_before = smooth(first, "right").positions, direct(first, "right").positions
    after, raw_after = smooth(second, "right").positions, direct(second, "right").positions
    assert np.allclose(before, raw_before, atol=1e-9)
    assert np.allclose(after - before, 0.25 * (raw_after - raw_before), atol=1e-6)


def test_ten_thousand_hands_take_no_more_memory_than_two_thousand() -> None:
    robot, rng = generic_hand("right"), np.random.default_rng(7)
    retarget = robot.retargeter()
    first, second = (joints_of(robot, random_positions(robot, rng)) for _ in range(2))
    for number in range(10_000):
        retarget(first + 0.5 * (1 - np.cos(0.02 * number)) * (second - first), "right")
        if number == 2000:
            before = resident_memory()
    assert resident_memory() < before + 1_000_000


def resident_memory() -> int:
    """Bytes of this process, the library's included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_own_forward_kinematics_are_those_of_the_library() -> None:
    robot, rng = generic_hand("right"), np.random.default_rng(8)
    retarget = robot.retargeter()
    assert isinstance(retarget, DexiRetargeter)
    for _ in range(5):
        positions = random_positions(robot, rng)
        poses = robot.model.link_poses(positions)
        library = library_link_positions(robot, positions)
        for link, position in library.items():
            assert np.allclose(poses[link][:3, 3], position, atol=1e-6), link


def library_link_positions(robot: RobotHand, positions: dict[str, float]) -> dict[str, np.ndarray]:
    """Metres of every link in the root's frame, by dexi-rs."""
    import dexi_rs

    solver = dexi_rs.RetargetingConfig(
        "position",
        robot.model.source,
        target_link_names=["right_palm"],
        target_link_human_indices=[0],
    ).build()
    mimics = {joint.name: joint.mimic for joint in robot.model.joints if joint.mimic is not None}
    every = [
        positions[name]
        if name in positions
        else mimics[name].multiplier * positions[mimics[name].joint] + mimics[name].offset
        for name in solver.joint_names
    ]
    links = list(robot.model.links)
    return dict(zip(links, np.array(solver.link_positions(every, links)), strict=True))


def test_a_hand_of_the_other_side_is_refused() -> None:
    robot = generic_hand("right")
    joints = joints_of(robot, {})
    with pytest.raises(ValueError, match="a left hand was given to the robot of the right hand"):
        robot.retargeter()(joints, "left")


def test_joints_that_are_nan_are_refused_and_change_nothing() -> None:
    robot, rng = generic_hand("right"), np.random.default_rng(9)
    joints = joints_of(robot, random_positions(robot, rng))
    retarget, undisturbed = robot.retargeter(), robot.retargeter()
    broken = joints.copy()
    broken[4] = np.nan
    retarget(joints, "right")
    undisturbed(joints, "right")
    with pytest.raises(ValueError, match="thumb_tip"):
        retarget(broken, "right")
    assert np.array_equal(retarget(joints, "right").positions, undisturbed(joints, "right").positions)
