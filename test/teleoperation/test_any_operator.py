"""Whatever hands are seen, whenever, and whatever the operator does: commands stay finite, within limits and smooth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from any_hands import any_hands
from generic_hands import generic_hand
from hands import hand_at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import WRIST
from handos_model.teleoperation.engagement import LossSettings, TeleoperationState
from handos_model.teleoperation.hand_follower import FollowSettings
from handos_model.teleoperation.joint_motion import MAX_STEP, JointStep
from handos_model.teleoperation.robot_side import robot_side
from handos_model.teleoperation.side_teleoperation import SideCommand, SideTeleoperation, TeleoperationSettings
from handos_model.teleoperation.wrist_motion import WristPose, WristStep

ROBOT = robot_side(generic_hand("right"))
ROUNDING = 1e-6
Event = Callable[["Operator"], None]


class Operator:
    """Drives a side as the node does, and checks every command against the one before."""

    def __init__(self, teleoperation: TeleoperationSettings) -> None:
        self.side = SideTeleoperation("right", ROBOT, teleoperation)
        self.limits = teleoperation.wrist
        self.now, self.is_enabled = 10.0, True
        self.last: SideCommand | None = None
        self.last_wrist: WristStep | None = None

    def see(self, hands: tuple[Hand, ...], is_known: bool, delay: float) -> None:
        self.side.see(hands, self.now, wrist_of if is_known else lambda hand: None, self.now - delay)

    def step(self, seconds: float) -> None:
        self.now += seconds
        command = self.side.step(self.is_enabled, self.now)
        self.check(command, min(max(seconds, 1e-6), MAX_STEP))
        self.last = command
        self.last_wrist = command.wrist or self.last_wrist

    def check(self, command: SideCommand, seconds: float) -> None:
        before = self.last
        assert self.is_enabled or command.state is TeleoperationState.RELEASED
        if command.joints is None:
            assert command.wrist is None
            assert before is None or before.joints is None or before.joints.is_at_rest, "silence in motion"
            assert before is None or before.wrist is None or before.wrist.is_at_rest, "silence in motion"
        else:
            check_joints(before.joints if before else None, command.joints, seconds)
        if command.wrist is not None:
            self.check_wrist(command.wrist, seconds)

    def check_wrist(self, wrist: WristStep, seconds: float) -> None:
        assert np.isfinite([*wrist.pose.position, *wrist.pose.orientation, *wrist.linear, *wrist.angular]).all()
        assert np.linalg.norm(wrist.pose.orientation) == pytest.approx(1)
        assert np.linalg.norm(wrist.linear) <= self.limits.speed + ROUNDING
        assert np.linalg.norm(wrist.angular) <= self.limits.turning + ROUNDING
        if self.last_wrist is not None:
            before = self.last_wrist
            assert np.linalg.norm(wrist.linear - before.linear) <= self.limits.acceleration * seconds + ROUNDING
            turning = np.linalg.norm(wrist.angular - before.angular)
            assert turning <= self.limits.turning_acceleration * seconds + ROUNDING
            np.testing.assert_allclose(
                wrist.pose.position, before.pose.position + wrist.linear * seconds, atol=ROUNDING
            )


def check_joints(before: JointStep | None, after: JointStep, seconds: float) -> None:
    limits = ROBOT.limits
    assert np.isfinite([*after.positions, *after.velocities]).all()
    assert (after.positions >= limits.lower - ROUNDING).all()
    assert (after.positions <= limits.upper + ROUNDING).all()
    assert (np.abs(after.velocities) <= limits.velocity + ROUNDING).all()
    speed = np.zeros(len(limits.names)) if before is None else before.velocities
    assert (np.abs(after.velocities - speed) <= limits.acceleration * seconds + ROUNDING).all()
    if before is not None:
        assert (np.abs(after.positions - before.positions) <= limits.velocity * seconds + ROUNDING).all()


def wrist_of(hand: Hand) -> WristPose | None:
    assert hand.joints_3d is not None
    return WristPose(hand.joints_3d[WRIST].astype(np.float64), wrist_orientation(hand.joints_3d, hand.handedness))


@st.composite
def seen_hands(draw: st.DrawFn) -> tuple[Hand, ...]:
    """Hands with few ids, so that the same hand is seen again, and some with numbers that no hand has."""
    hands = []
    for number in draw(st.lists(st.integers(0, 2), max_size=2)):
        state = draw(st.sampled_from(["tracked", "tracked", "tracked", "coasting", "tentative"]))
        hand = replace(draw(any_hands()), id=number, coasting=state == "coasting", tentative=state == "tentative")
        broken = draw(st.sampled_from([None, None, None, np.nan, np.inf, 1e30]))
        if hand.metric is not None and broken is not None:
            joints = hand.metric.joints_3d.copy()
            joints[draw(st.integers(0, 20)), draw(st.integers(0, 2))] = broken
            hand = replace(hand, metric=replace(hand.metric, joints_3d=joints))
        hands.append(hand)
    return tuple(hands)


def steps(seconds: float, count: int) -> Event:
    return lambda operator: [operator.step(seconds) for _ in range(count)] and None


def press(is_enabled: bool) -> Event:
    return lambda operator: setattr(operator, "is_enabled", is_enabled)


def show(x: float, step: float, seconds: float, count: int) -> Event:
    """A right hand that moves over some images, by steps in pixels."""

    def run(operator: Operator) -> None:
        for number in range(count):
            hand = replace(hand_at(x + step * number), id=1)
            operator.see((hand,), True, 0.0)
            operator.step(seconds)

    return run


SHOWN = st.builds(
    show, st.floats(0, 640), st.sampled_from([0.0, 10.0, 60.0]), st.sampled_from([0.01, 0.05]), st.integers(1, 20)
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    SHOWN,
    SHOWN,
    st.builds(
        lambda hands, is_known, delay: lambda operator: operator.see(hands, is_known, delay),
        seen_hands(),
        st.sampled_from([True, True, True, False]),
        st.sampled_from([0.0, 0.0, 0.05, 5.0]),
    ),
    st.builds(steps, st.sampled_from([0.0, 1e-7, 0.001, 0.02, 0.02, 0.1, 3.0]), st.integers(1, 5)),
    st.builds(press, st.sampled_from([True, True, False])),
    st.builds(
        lambda value: lambda operator: operator.side.place(np.full(len(ROBOT.limits.names), value)),
        st.sampled_from([0.0, 0.3, -9.0, 1e9, np.nan, np.inf]),
    ),
)
SETTINGS: st.SearchStrategy[TeleoperationSettings] = st.builds(
    lambda action, settle: TeleoperationSettings(FollowSettings(settle_time=settle), LossSettings(0.1, 0.2, action)),
    st.sampled_from(["hold", "open", "release"]),
    st.sampled_from([0.0, 0.04]),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(SETTINGS, st.lists(EVENTS, min_size=3, max_size=25))
def test_commands_stay_finite_within_limits_and_never_fall_silent_in_motion(
    teleoperation: TeleoperationSettings, events: list[Event]
) -> None:
    operator = Operator(teleoperation)
    for event in events:
        event(operator)
        operator.step(0.02)
    operator.is_enabled = False
    steps(0.02, 40)(operator)
    assert operator.last is not None
    assert operator.last.joints is None
