"""What a robot's side does while its hand is seen, hidden, lost, jumps, or changes sides."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hands import hand_at

from handos_model.hand.hand import Hand, Handedness
from handos_model.hand.skeleton import WRIST
from handos_model.teleoperation.engagement import LossAction, LossSettings, TeleoperationState
from handos_model.teleoperation.joint_motion import JointLimits
from handos_model.teleoperation.side_teleoperation import (
    RobotSide,
    SideCommand,
    SideTeleoperation,
    TeleoperationSettings,
)
from handos_model.teleoperation.wrist_motion import WristLimits, WristPose

PERIOD = 0.02
OPEN, CLOSED = 0.1, 1.4
SPEED = 4.0
WRIST_SPEED = 1.5
LIMITS = JointLimits(("grip",), np.zeros(1), np.array([1.6]), np.array([SPEED]), np.array([60.0]))


def right_hand(x: float = 320.0, number: int = 7, side: Handedness = "right") -> Hand:
    return replace(hand_at(x, side=side), id=number)


class Robot:
    """A side that closes whenever it sees its hand, driven as the node drives it."""

    def __init__(self, action: LossAction = "hold") -> None:
        settings = TeleoperationSettings(loss=LossSettings(0.3, 1.0, action), wrist=WristLimits(WRIST_SPEED))
        robot = RobotSide(LIMITS, np.array([OPEN]), solve=lambda hand: np.array([CLOSED]))
        self.side = SideTeleoperation("right", robot, settings)
        self.now = 50.0
        self.is_enabled = True

    def run(self, seconds: float, hands: Sequence[Hand] | None = None) -> list[SideCommand]:
        """Step for some time, with an image of these hands before every step; ``None``: no image comes."""
        commands = []
        for _ in range(round(seconds / PERIOD)):
            self.now += PERIOD
            if hands is not None:
                self.side.see(hands, self.now, wrist_of=wrist_of)
            commands.append(self.side.step(self.is_enabled, self.now))
        return commands


def wrist_of(hand: Hand) -> WristPose | None:
    assert hand.joints_3d is not None
    return WristPose(hand.joints_3d[WRIST].astype(np.float64), (0.0, 0.0, 0.0, 1.0))


def grip(command: SideCommand) -> float:
    assert command.joints is not None
    return float(command.joints.positions[0])


def wrist_x(command: SideCommand) -> float:
    assert command.wrist is not None
    return float(command.wrist.pose.position[0])


def assert_no_leap(commands: Sequence[SideCommand]) -> None:
    """Neither joints nor wrist move faster than they may, nor fall silent in motion."""
    for before, after in itertools.pairwise(commands):
        if before.joints is not None and after.joints is not None:
            assert abs(grip(after) - grip(before)) <= SPEED * PERIOD + 1e-6
        if before.joints is not None and after.joints is None:
            assert before.joints.is_at_rest
        if before.wrist is not None and after.wrist is not None:
            assert np.linalg.norm(after.wrist.pose.position - before.wrist.pose.position) <= WRIST_SPEED * PERIOD + 1e-6


def test_it_waits_without_commands_until_a_hand_is_followed_then_follows_without_a_leap() -> None:
    robot = Robot()
    waiting = robot.run(0.2)
    assert {command.state for command in waiting} == {TeleoperationState.WAITING}
    assert all(command.joints is None and command.wrist is None for command in waiting)
    commands = robot.run(1.5, [right_hand()])
    assert commands[-1].state is TeleoperationState.ENGAGED
    assert commands[-1].reason == ""
    assert grip(next(command for command in commands if command.joints)) < OPEN + SPEED * PERIOD
    assert grip(commands[-1]) == pytest.approx(CLOSED)
    assert any(command.is_limited for command in commands)
    assert_no_leap(commands)


@pytest.mark.parametrize(
    ("action", "where"), [("hold", CLOSED), ("open", OPEN), ("release", None)], ids=["hold", "open", "release"]
)
def test_a_hand_lost_in_a_grasp_is_held_for_then_what_the_user_chose(action: LossAction, where: float | None) -> None:
    robot = Robot(action)
    robot.run(1.5, [right_hand()])
    commands = robot.run(2.5, [])
    states = [command.state for command in commands]
    assert states[0] is TeleoperationState.HOLDING
    assert states[-1] is TeleoperationState.LOST
    assert "no right hand" in commands[0].reason
    assert all(grip(command) == pytest.approx(CLOSED) for command in commands if command.state is states[0])
    if where is None:
        assert commands[-1].joints is None
    else:
        assert grip(commands[-1]) == pytest.approx(where)
    assert_no_leap(commands)


def test_no_image_is_no_hand() -> None:
    robot = Robot()
    robot.run(1.0, [right_hand()])
    commands = robot.run(2.0)
    assert [command.state for command in commands][::20] == [
        TeleoperationState.ENGAGED,
        TeleoperationState.HOLDING,
        TeleoperationState.HOLDING,
        TeleoperationState.HOLDING,
        TeleoperationState.LOST,
    ]
    assert "no new hands" in commands[-1].reason


def test_a_hidden_hand_holds_hand_and_wrist() -> None:
    robot = Robot()
    before = robot.run(1.5, [right_hand()])[-1]
    commands = robot.run(0.3, [replace(right_hand(500), coasting=True)])
    assert {command.state for command in commands} == {TeleoperationState.HOLDING}
    assert wrist_x(commands[-1]) == wrist_x(before)
    assert commands[-1].wrist is not None
    assert not commands[-1].wrist.linear.any()


def test_a_jump_is_waited_out_then_approached_at_limited_speed() -> None:
    robot = Robot()
    start = wrist_x(robot.run(1.5, [right_hand(320)])[-1])
    commands = robot.run(1.0, [right_hand(520)])
    assert commands[0].state is TeleoperationState.HOLDING
    assert wrist_x(commands[5]) == start
    assert wrist_x(commands[-1]) - start == pytest.approx(0.2, abs=1e-6)
    assert_no_leap(commands)


def test_a_side_flip_never_moves_the_robot() -> None:
    robot = Robot()
    before = robot.run(1.5, [right_hand(320), right_hand(100, 8, "left")])[-1]
    commands = robot.run(0.1, [right_hand(320, 7, "left"), right_hand(100, 8, "right")])
    assert {command.state for command in commands} == {TeleoperationState.HOLDING}
    assert wrist_x(commands[-1]) == wrist_x(before)


def test_the_dead_mans_switch_brakes_then_silences_and_returning_does_not_leap() -> None:
    robot = Robot()
    moving = robot.run(0.36, [right_hand()])
    robot.is_enabled = False
    stopping = robot.run(0.5, [right_hand()])
    assert {command.state for command in stopping} == {TeleoperationState.RELEASED}
    assert stopping[0].joints is not None
    assert stopping[-1].joints is None
    assert stopping[-1].wrist is None
    robot.is_enabled = True
    again = robot.run(1.5, [right_hand(400)])
    assert again[0].state is TeleoperationState.WAITING
    assert grip(again[-1]) == pytest.approx(CLOSED)
    commands = [command for command in [*moving, *stopping, *again] if command.joints is not None]
    assert_no_leap(commands)


def test_a_dead_mans_switch_that_flickers_in_motion_leaves_no_gap() -> None:
    robot = Robot()
    commands = robot.run(0.36, [right_hand()])
    for number in range(6):
        robot.is_enabled = number % 2 == 1
        commands += robot.run(PERIOD)
    assert commands[-6].state is TeleoperationState.RELEASED
    assert commands[-5].state is TeleoperationState.WAITING
    assert commands[-5].joints is not None
    assert not commands[-5].joints.is_at_rest
    assert_no_leap(commands)


def test_images_that_arrive_in_a_burst_are_no_jump() -> None:
    robot = Robot()
    robot.run(0.5, [right_hand(320)])
    robot.run(0.4)
    for number in range(1, 4):  # one metre per second, 0.1 s apart when they were taken
        taken = robot.now - 0.3 + 0.1 * number
        observation = robot.side.see([right_hand(320 + 100 * number)], robot.now, wrist_of, taken)
    assert observation.hand is not None


def test_without_images_the_reason_says_so() -> None:
    robot = Robot()
    assert "no new hands" in robot.run(0.1)[-1].reason
    assert "no right hand" in robot.run(0.1, [])[-1].reason
    assert "no new hands" in robot.run(0.5)[-1].reason


def test_it_starts_from_where_the_robot_says_it_is() -> None:
    robot = Robot()
    robot.side.place(np.array([1.0]))
    first = next(command for command in robot.run(1.0, [right_hand()]) if command.joints)
    assert grip(first) == pytest.approx(1.0, abs=SPEED * PERIOD)
    robot.side.place(np.array([0.0]))  # it is moving: where the robot lags behind does not matter
    assert grip(robot.run(PERIOD, [right_hand()])[0]) > 1.0


@pytest.mark.parametrize(("name", "value"), [("input_timeout", 0.0), ("hold_time", -1.0), ("action", "panic")])
def test_loss_settings_that_cannot_be_used_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        LossSettings(**{name: value})
