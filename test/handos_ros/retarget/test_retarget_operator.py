"""How the operator starts, stops and calibrates the node `retarget`, over DDS."""

import itertools
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from node_process import Client, RosProcess
from rcl_interfaces.srv import GetParameters
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger
from teleoperation_client import Operator, RobotHandListener, fist, known_hand, running_retarget

from handos_model.hand.hand import Hand
from handos_ros.msg import Grip, TeleoperationState

ENGAGED, RELEASED = TeleoperationState.ENGAGED, TeleoperationState.RELEASED
OPEN, FIST = known_hand("right"), fist("right")
SLOW = ("-p", "max_joint_speed:=0.5", "-p", "max_joint_acceleration:=2.0")
"""Closing the hand takes seconds, braking a quarter of one."""
ONE_SIDE = ("-p", "left_robot:=''")


@contextmanager
def moving_robot(
    client: Client, log: Path, *parameters: str
) -> Iterator[tuple[RosProcess, Operator, RobotHandListener]]:
    with running_retarget(*ONE_SIDE, *SLOW, *parameters, log=log) as node:
        yield node, Operator(client), RobotHandListener(client, "right")


def is_fast(robot: RobotHandListener) -> bool:
    return bool(robot.joints) and float(np.abs(robot.joints[-1].velocity).max()) > 0.45


def assert_braked(joints: list[Any]) -> None:
    """The commands end at rest, and no velocity changes by more than braking does."""
    assert np.abs(joints[-1].velocity).max() < 1e-6
    for before, after in itertools.pairwise(joints):
        assert np.abs(np.subtract(after.velocity, before.velocity)).max() <= 2.0 * 0.1 + 1e-6


def engage(client: Client, is_wanted: bool) -> Any:
    return client.call(SetBool, "/retarget/engage", SetBool.Request(data=is_wanted))


def change(client: Client, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return client.call(ChangeState, "/retarget/change_state", request).success


def test_the_robot_is_still_until_the_service_engages_it_and_brakes_when_it_releases(
    client: Client, tmp_path: Path
) -> None:
    with moving_robot(client, tmp_path / "log.txt") as (node, operator, robot):
        assert "ros2 service call /retarget/engage std_srvs/srv/SetBool" in node.log
        operator.show_until(lambda: robot.states)
        operator.show_for(0.6, FIST)
        assert {message.state for message in robot.states} == {RELEASED}
        assert not robot.joints
        assert engage(client, True).success
        operator.show_until(lambda: is_fast(robot), FIST)
        assert engage(client, False).success  # no hand comes any more
        client.until(lambda: robot.state == RELEASED)
        client.spin(0.6)
        heard = len(robot.joints)
        client.spin(0.3)
        assert len(robot.joints) == heard
        assert_braked(robot.joints)
        assert node.stop() == 0


def test_the_dead_mans_topic_stops_the_robot_when_it_says_so_and_when_it_falls_silent(
    client: Client, tmp_path: Path
) -> None:
    with moving_robot(client, tmp_path / "log.txt", "-p", "engage:=topic") as (node, operator, robot):
        topic = client.node.create_publisher(Bool, "/retarget/dead_man", 1)

        def press(is_pressed: bool) -> None:
            topic.publish(Bool(data=is_pressed))

        def press_until(condition: Any, hand: Hand) -> None:
            operator.show_until(lambda: press(True) or condition(), hand)

        operator.show_for(0.5, FIST)
        assert not robot.joints
        press_until(lambda: is_fast(robot), FIST)
        press(False)
        operator.show_until(lambda: robot.state == RELEASED, FIST)
        operator.show_for(0.6, FIST)
        assert_braked(robot.joints)
        robot.clear()
        press_until(lambda: is_fast(robot), OPEN)
        silent = time.monotonic()
        operator.show_until(lambda: robot.state == RELEASED, OPEN)  # the operator's device says nothing any more
        assert time.monotonic() - silent > 0.1
        operator.show_for(0.6, OPEN)
        assert_braked(robot.joints)
        assert node.stop() == 0


def test_deactivating_in_motion_brakes_first_and_activating_starts_released(client: Client, tmp_path: Path) -> None:
    with moving_robot(client, tmp_path / "log.txt") as (node, operator, robot):
        engage(client, True)
        operator.show_until(lambda: is_fast(robot), FIST)
        assert change(client, Transition.TRANSITION_DEACTIVATE)
        client.spin(0.3)
        assert_braked(robot.joints)
        assert robot.state == RELEASED
        heard = len(robot.joints)
        assert change(client, Transition.TRANSITION_ACTIVATE)
        operator.show_for(0.6, FIST)
        assert len(robot.joints) == heard
        assert robot.state == RELEASED
        assert node.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_motion_brakes_first(how: signal.Signals, client: Client, tmp_path: Path) -> None:
    with moving_robot(client, tmp_path / "log.txt", "-p", "engage:=auto") as (node, operator, robot):
        operator.show_until(lambda: is_fast(robot), FIST)
        node.process.send_signal(how)
        client.until(lambda: node.process.poll() is not None)
        assert node.process.poll() == 0
        client.spin(0.2)
        assert_braked(robot.joints)


def test_the_grip_is_calibrated_while_the_robot_is_released(client: Client, tmp_path: Path) -> None:
    parameters = (*ONE_SIDE, "-p", "right_robot:=generic_gripper", "-p", "calibration_time:=2.0")
    with running_retarget(*parameters, log=tmp_path / "log.txt") as node:
        operator, robot = Operator(client), RobotHandListener(client, "right")
        diagnostics = client.collect(DiagnosticArray, "/diagnostics")
        grips = client.collect(Grip, "/retarget/right/grip")
        operator.show_until(lambda: robot.states)
        refused = calibrate(client)
        assert not refused.success
        assert "no hand" in refused.message
        operator.show_until(lambda: grips, OPEN)
        assert calibrate(client).success
        assert "in progress" in calibrate(client).message
        operator.show_until(lambda: "not calibrated:" in node.log, OPEN)  # a still hand
        diagnostics.clear()
        operator.show_until(lambda: diagnostics, OPEN)
        assert grip_status(diagnostics).level == DiagnosticStatus.WARN
        assert calibrate(client).success
        operator.show_moving(2.5, lambda elapsed: (pinching(0.5 - 0.5 * math.cos(2 * math.pi * elapsed)),))
        node.wait_for_log("the grip was calibrated")
        opened, closed = (aperture(pinching(closing)) for closing in (0.0, 1.0))
        found = parameter_values(client, "open_aperture", "closed_aperture")
        np.testing.assert_allclose(found, [opened, closed], atol=0.1 * (opened - closed))
        grips.clear()
        operator.show_until(lambda: grips and grips[-1].closing > 0.9, pinching(1.0))
        diagnostics.clear()
        operator.show_until(lambda: diagnostics, pinching(1.0))
        assert grip_status(diagnostics).level == DiagnosticStatus.OK
        commands = client.collect(JointState, "/retarget/right/joint_command")
        engage(client, True)
        operator.show_until(lambda: commands and commands[-1].position[0] < 0.006, pinching(1.0))  # metres: closed
        operator.show_until(lambda: commands[-1].position[0] > 0.036, pinching(0.0))
        assert list(commands[-1].name) == ["right_gripper_thumb"]
        assert node.stop() == 0


def calibrate(client: Client) -> Any:
    return client.call(Trigger, "/retarget/calibrate_grip", Trigger.Request())


def grip_status(diagnostics: list[Any]) -> Any:
    return next(status for status in diagnostics[-1].status if status.name == "retarget: grip")


def parameter_values(client: Client, *names: str) -> list[float]:
    request = GetParameters.Request(names=list(names))
    return [value.double_value for value in client.call(GetParameters, "/retarget/get_parameters", request).values]


def pinching(closing: float) -> Hand:
    """A hand with its index finger bent towards the thumb: 0 open, 1 closed."""
    return known_hand("right", {"right_index_mcp": 0.8 * closing, "right_index_pip": 1.0 * closing})


def aperture(hand: Hand) -> float:
    joints = np.asarray(hand.joints_3d)
    return float(np.linalg.norm(joints[4] - joints[8]))
