"""Joints and wrists move towards their targets within their limits, whatever the targets do."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from handos_model.geometry.quaternions import rotation_vector
from handos_model.teleoperation.joint_motion import MAX_STEP, JointLimits, JointMotion
from handos_model.teleoperation.wrist_motion import WristLimits, WristMotion, WristPose, WristStep

LIMITS = JointLimits(
    names=("bend", "spread"),
    lower=np.array([0.0, -0.3]),
    upper=np.array([1.6, 0.3]),
    velocity=np.array([4.0, 2.0]),
    acceleration=np.array([40.0, 20.0]),
)
PERIOD = 0.01
ROUNDING = 1e-9
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def test_joints_arrive_at_their_target_and_stay() -> None:
    motion = JointMotion(LIMITS, np.zeros(2))
    steps = [motion.towards(np.array([1.5, 0.2]), PERIOD) for _ in range(200)]
    np.testing.assert_allclose(steps[-1].positions, [1.5, 0.2], atol=1e-6)
    assert steps[-1].is_at_rest
    assert any("bend" in step.limited for step in steps)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10), st.floats(0.001, MAX_STEP)), min_size=1, max_size=40))
@example([(0.0, 0.0, 0.03746829811200635), (0.0, 1.0, 0.04), (0.0, 0.25, 0.05599415093237273), (0.0, 0.0, 0.0625)])
def test_no_targets_make_joints_leave_their_limits(targets: list[tuple[float, float, float]]) -> None:
    motion, before, speed = JointMotion(LIMITS, np.array([0.5, 0.0])), np.array([0.5, 0.0]), np.zeros(2)
    for bend, spread, seconds in targets:
        step = motion.towards(np.array([bend, spread]), seconds)
        assert (np.abs(step.velocities) <= LIMITS.velocity + ROUNDING).all()
        assert (np.abs(step.velocities - speed) <= LIMITS.acceleration * seconds + 1e-6).all()
        assert (np.abs(step.positions - before) <= LIMITS.velocity * seconds + 1e-6).all()
        assert (step.positions >= LIMITS.lower - 1e-6).all()
        assert (step.positions <= LIMITS.upper + 1e-6).all()
        before, speed = step.positions, step.velocities


def test_braking_ends_at_rest_as_fast_as_the_acceleration_allows() -> None:
    motion = JointMotion(LIMITS, np.zeros(2))
    while motion.towards(np.array([1.6, 0.0]), PERIOD).velocities[0] < 3.9:
        pass
    steps = [motion.towards_rest(PERIOD) for _ in range(11)]
    assert steps[-1].is_at_rest
    assert not steps[5].is_at_rest


def test_a_long_pause_does_not_make_joints_leap() -> None:
    motion = JointMotion(LIMITS, np.zeros(2))
    motion.towards(np.array([1.6, 0.0]), PERIOD)
    assert motion.towards(np.array([1.6, 0.0]), 60.0).positions[0] < LIMITS.velocity[0] * MAX_STEP + 0.01


def test_a_target_that_is_not_finite_names_its_joint() -> None:
    with pytest.raises(ValueError, match="spread"):
        JointMotion(LIMITS, np.zeros(2)).towards(np.array([0.1, np.nan]), PERIOD)


@pytest.mark.parametrize("change", [{"velocity": np.array([4.0, 0.0])}, {"acceleration": np.array([np.inf, 1.0])}])
def test_limits_that_cannot_be_used_name_their_joint(change: dict[str, np.ndarray]) -> None:
    values = {
        "lower": LIMITS.lower,
        "upper": LIMITS.upper,
        "velocity": LIMITS.velocity,
        "acceleration": LIMITS.acceleration,
    }
    with pytest.raises(ValueError, match=r"spread|bend"):
        JointLimits(names=LIMITS.names, **(values | change))


def wrist_steps(limits: WristLimits, target: WristPose, count: int) -> list[WristStep]:
    motion = WristMotion(limits, WristPose(np.zeros(3), UPRIGHT))
    return [motion.towards(target, PERIOD) for _ in range(count)]


def test_a_wrist_moves_straight_no_faster_than_allowed_and_stops_at_its_target() -> None:
    steps = wrist_steps(WristLimits(speed=0.5, acceleration=2.0), WristPose(np.array([0.3, 0.4, 0.0]), UPRIGHT), 150)
    speeds = np.array([np.linalg.norm(step.linear) for step in steps])
    assert speeds.max() == pytest.approx(0.5)
    assert np.abs(np.diff(speeds, prepend=0.0)).max() <= 2.0 * PERIOD + ROUNDING
    assert steps[50].is_limited
    for step in steps:
        np.testing.assert_allclose(step.pose.position[1] * 3, step.pose.position[0] * 4, atol=1e-9)
        assert step.pose.position[0] < 0.3 + 1e-4
    np.testing.assert_allclose(steps[-1].pose.position, [0.3, 0.4, 0.0], atol=1e-9)
    assert steps[-1].is_at_rest
    assert not steps[-1].is_limited


def test_a_wrist_turns_the_short_way_no_faster_than_allowed_and_stops_at_its_target() -> None:
    target = WristPose(np.zeros(3), (0.0, 0.0, -math.sin(1.0), -math.cos(1.0)))  # two radians about z, other sign
    steps = wrist_steps(WristLimits(turning=1.0), target, 250)
    assert max(step.angular[2] for step in steps) == pytest.approx(1.0)
    assert max(2 * math.asin(step.pose.orientation[2]) for step in steps) < 2.0 + 1e-3
    np.testing.assert_allclose(steps[-1].pose.orientation, (0.0, 0.0, math.sin(1.0), math.cos(1.0)), atol=1e-6)
    assert steps[-1].is_at_rest


def test_a_wrist_whose_target_moves_on_in_steps_moves_evenly() -> None:
    motion, speeds = WristMotion(WristLimits(), WristPose(np.zeros(3), UPRIGHT)), []
    for number in range(200):  # half a metre per second, seen in every third step
        target = WristPose(np.array([0.5 * PERIOD * (number - number % 3), 0.0, 0.0]), UPRIGHT)
        speeds.append(motion.towards(target, PERIOD).linear[0])
    assert np.min(speeds[50:]) > 0.3
    assert np.max(speeds[50:]) < 0.7


def test_a_braking_wrist_comes_to_rest_as_fast_as_the_acceleration_allows() -> None:
    motion = WristMotion(WristLimits(speed=1.0, acceleration=10.0), WristPose(np.zeros(3), UPRIGHT))
    far = WristPose(np.array([5.0, 0.0, 0.0]), UPRIGHT)
    while motion.towards(far, PERIOD).linear[0] < 1.0 - ROUNDING:
        pass
    steps = [motion.towards_rest(PERIOD) for _ in range(11)]
    assert steps[-1].is_at_rest
    assert not steps[5].is_at_rest


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-3, 3), st.floats(0.001, MAX_STEP)), min_size=1, max_size=40))
def test_a_wrists_velocities_integrate_to_its_poses(targets: list[tuple[float, float, float]]) -> None:
    motion, before = WristMotion(WristLimits(), WristPose(np.zeros(3), UPRIGHT)), WristPose(np.zeros(3), UPRIGHT)
    for position, angle, seconds in targets:
        turned = (math.sin(angle / 2), 0.0, 0.0, math.cos(angle / 2))
        step = motion.towards(WristPose(np.array([position, 0.0, -position]), turned), seconds)
        np.testing.assert_allclose(step.pose.position, before.position + step.linear * seconds, atol=1e-9)
        turn = rotation_vector(before.orientation, step.pose.orientation)
        np.testing.assert_allclose(turn, step.angular * seconds, atol=1e-7)
        before = step.pose


def test_a_wrist_target_that_is_not_finite_is_refused() -> None:
    motion = WristMotion(WristLimits(), WristPose(np.zeros(3), UPRIGHT))
    with pytest.raises(ValueError, match="finite"):
        motion.towards(WristPose(np.array([np.nan, 0, 0]), UPRIGHT), 0.1)


@pytest.mark.parametrize("name", ["speed", "turning", "acceleration", "turning_acceleration"])
def test_wrist_limits_that_cannot_be_used_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        WristLimits(**{name: 0.0})
