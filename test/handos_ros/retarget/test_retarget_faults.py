"""What goes wrong before the node `retarget`, over DDS: the robot never leaps, and stale hands move nothing."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from dataclasses import replace

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from generic_hands import generic_hand
from geometry_msgs.msg import PoseStamped
from node_process import Client, RosProcess
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from teleoperation_client import (
    EVERY_MESSAGE,
    LATE,
    Operator,
    RobotHandListener,
    assert_smooth,
    fist,
    known_hand,
    running_retarget,
    seconds_of,
)

from handos_model.teleoperation.robot_side import open_pose
from handos_ros.clocks.stamps import nanoseconds
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import TeleoperationState
from handos_ros.topics.qos import LATCHED_QOS

ENGAGED, HOLDING, LOST = TeleoperationState.ENGAGED, TeleoperationState.HOLDING, TeleoperationState.LOST
NOT_FOLLOWING = (HOLDING, LOST)
ROBOT = generic_hand("right")
WRIST_SPEED = 1.5
RIGHT, LEFT = known_hand("right", x=0.1), known_hand("left", x=-0.1)
FIST = fist("right", x=0.1)
AUTO = ("-p", "engage:=auto", "-p", "hold_time:=0.4", "-p", "tf:=false")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosProcess]:
    with running_retarget(*AUTO, log=tmp_path_factory.mktemp("node") / "log.txt") as process:
        yield process
        assert process.stop() == 0


@pytest.fixture(scope="module")
def operator(node: RosProcess, client: Client) -> Operator:
    return Operator(client)


@pytest.fixture(scope="module")
def everything(client: Client, node: RosProcess) -> tuple[RobotHandListener, list[Any], list[Any]]:
    robot = RobotHandListener(client, "right")
    wrists = client.collect(PoseStamped, "/retarget/right/wrist", EVERY_MESSAGE)
    return robot, wrists, client.collect(DiagnosticArray, "/diagnostics")


@pytest.fixture
def robot(operator: Operator, everything: tuple[RobotHandListener, list[Any], list[Any]]) -> RobotHandListener:
    """The right robot hand, which has followed an open hand for a while."""
    listener, wrists, diagnostics = everything
    listener.clear()
    operator.show_until(lambda: listener.state == ENGAGED, LEFT, RIGHT)
    operator.show_for(0.6, LEFT, RIGHT)
    listener.clear()
    wrists.clear()
    diagnostics.clear()
    return listener


@pytest.fixture
def wrists(robot: RobotHandListener, everything: tuple[RobotHandListener, list[Any], list[Any]]) -> list[Any]:
    return everything[1]


@pytest.fixture
def diagnostics(robot: RobotHandListener, everything: tuple[RobotHandListener, list[Any], list[Any]]) -> list[Any]:
    return everything[2]


def assert_wrist_smooth(wrists: Sequence[Any]) -> None:
    for before, after in itertools.pairwise(wrists):
        seconds = seconds_of(after.header.stamp) - seconds_of(before.header.stamp) + LATE
        assert abs(after.pose.position.x - before.pose.position.x) <= WRIST_SPEED * seconds


def states(robot: RobotHandListener) -> list[int]:
    """The states that were heard, without repetitions."""
    return [state for state, _ in itertools.groupby(message.state for message in robot.states)]


def closing(robot: RobotHandListener) -> float:
    return robot.positions["right_middle_pip"]


def is_at_rest(robot: RobotHandListener) -> bool:
    return bool(np.abs(robot.joints[-1].velocity).max() < 1e-6)


def test_a_hand_that_flips_its_side_moves_nothing(
    operator: Operator, robot: RobotHandListener, wrists: list[Any]
) -> None:
    flipped = (known_hand("left", x=0.3, number=2), known_hand("right", x=-0.3, number=1))
    operator.show_for(0.12, *flipped)
    assert "left" in robot.states[-1].reason
    before = len(robot.joints)
    operator.show_for(0.1, *flipped)
    assert robot.state in NOT_FOLLOWING
    assert np.ptp([message.position for message in robot.joints[before:]], axis=0).max() < 1e-3
    assert abs(wrists[-1].pose.position.x - 0.1) < 1e-3
    operator.show_until(lambda: robot.state == ENGAGED, LEFT, RIGHT)
    assert_smooth(robot)


def test_hands_that_swap_their_places_are_waited_out(
    operator: Operator, robot: RobotHandListener, wrists: list[Any]
) -> None:
    """The tracker keeps ids and sides, but takes each hand for the other one."""
    operator.show_for(0.12, known_hand("left", x=0.1), known_hand("right", x=-0.1))
    operator.show_for(0.12, LEFT, RIGHT)
    assert robot.state in NOT_FOLLOWING
    assert max(abs(message.pose.position.x - 0.1) for message in wrists) < 1e-3
    operator.show_until(lambda: robot.state == ENGAGED, LEFT, RIGHT)
    assert_smooth(robot)


def test_a_jump_of_twenty_centimetres_is_waited_out_then_approached_slowly(
    operator: Operator, robot: RobotHandListener, wrists: list[Any]
) -> None:
    jumped = known_hand("right", x=0.3)
    operator.show_for(0.12, LEFT, jumped)
    assert robot.state in NOT_FOLLOWING
    assert abs(wrists[-1].pose.position.x - 0.1) < 1e-3
    operator.show_until(lambda: abs(wrists[-1].pose.position.x - 0.3) < 1e-3, LEFT, jumped)
    assert_wrist_smooth(wrists)
    assert_smooth(robot)


def test_without_messages_the_robot_holds_then_is_lost(client: Client, robot: RobotHandListener) -> None:
    client.until(lambda: robot.state == LOST)
    assert states(robot)[-2:] == [HOLDING, LOST]
    assert "no new hands" in robot.states[-1].reason
    assert_smooth(robot)


def test_stamps_that_stand_still_move_nothing(
    operator: Operator, robot: RobotHandListener, diagnostics: list[Any]
) -> None:
    stamp = operator.message().header.stamp
    operator.send_for(0.05, lambda elapsed: operator.message(LEFT, RIGHT, stamp=stamp))
    operator.send_for(1.2, lambda elapsed: operator.message(LEFT, FIST, stamp=stamp))
    assert robot.state == LOST
    assert closing(robot) < 0.1
    status = next(s for s in diagnostics[-1].status if s.name == "retarget: node")
    assert status.level == DiagnosticStatus.WARN
    assert "do not advance" in status.message


def test_hands_with_zero_stamps_are_followed(operator: Operator, robot: RobotHandListener) -> None:
    zero = TeleoperationState().hand_stamp
    assert nanoseconds(zero) == 0
    operator.send_for(0.8, lambda elapsed: operator.message(LEFT, FIST, stamp=zero))
    assert robot.state == ENGAGED
    assert closing(robot) > 1.0


def test_hands_that_are_too_old_move_nothing(
    operator: Operator, robot: RobotHandListener, diagnostics: list[Any]
) -> None:
    operator.send_for(2.2, lambda elapsed: operator.message(LEFT, FIST, age=1.5))
    assert robot.state == LOST
    assert closing(robot) < 0.1
    status = next(s for s in diagnostics[-1].status if s.name == "retarget: node")
    assert "max_latency" in status.message


def test_the_same_message_again_moves_nothing(operator: Operator, robot: RobotHandListener) -> None:
    message = operator.message(LEFT, FIST)
    operator.send_for(1.2, lambda elapsed: message)
    assert robot.state == LOST
    assert closing(robot) < 0.6  # the first time, it was new


def test_numbers_that_are_not_finite_and_unknown_sides_move_nothing(
    operator: Operator, robot: RobotHandListener, node: RosProcess
) -> None:
    for spoil in (with_nan, without_side, with_a_joint_too_few, with_infinite_sigma):
        operator.send_for(0.15, lambda elapsed, spoil=spoil: spoil(operator.message(LEFT, FIST)))
    assert robot.state in NOT_FOLLOWING
    assert closing(robot) < 0.1
    assert "Traceback" not in node.log
    operator.show_until(lambda: robot.state == ENGAGED, LEFT, RIGHT)
    assert np.isfinite([message.position for message in robot.joints]).all()


def with_nan(message: Any) -> Any:
    message.hands[1].joints_3d[7] = float("nan")
    return message


def with_infinite_sigma(message: Any) -> Any:
    message.hands[1].joint_sigma[3] = float("inf")
    return message


def without_side(message: Any) -> Any:
    message.hands[1].handedness = HandMessage.HANDEDNESS_UNKNOWN
    return message


def with_a_joint_too_few(message: Any) -> Any:
    message.hands[1].joints_3d = message.hands[1].joints_3d[:60]
    return message


def test_a_changed_frame_stops_the_wrist(
    client: Client, operator: Operator, robot: RobotHandListener, wrists: list[Any], diagnostics: list[Any]
) -> None:
    moved = known_hand("right", x=0.15)
    operator.send_for(1.5, lambda elapsed: operator.message(LEFT, moved, frame_id="other_camera"))
    assert abs(wrists[-1].pose.position.x - 0.1) < 1e-3
    assert {message.header.frame_id for message in wrists} == {"left_camera_optical_frame"}
    status = next(s for s in diagnostics[-1].status if s.name == "retarget: right side")
    assert status.level == DiagnosticStatus.WARN
    assert "other_camera" in status.message


def test_another_robot_description_stops_the_robot_and_the_right_one_frees_it(
    client: Client, operator: Operator, robot: RobotHandListener, diagnostics: list[Any]
) -> None:
    descriptions = client.node.create_publisher(String, "/retarget/right/robot_description", LATCHED_QOS)
    text = Path(ROBOT.model.source).read_text()
    for wrong in (text.replace("right_index_pip", "right_index_knee"), text.replace('upper="1.9"', 'upper="0.4"'), "<"):
        descriptions.publish(String(data=wrong))
        operator.show_until(lambda: robot.state == TeleoperationState.RELEASED, LEFT, FIST)
        operator.show_for(0.3, LEFT, FIST)
        assert "robot_description" in robot.states[-1].reason
        robot.joints.clear()
        diagnostics.clear()
        operator.show_until(lambda: len(diagnostics) > 1, LEFT, FIST)
        assert not robot.joints
        status = next(s for s in diagnostics[-1].status if s.name == "retarget: right side")
        assert status.level == DiagnosticStatus.ERROR
    descriptions.publish(String(data=text))
    operator.show_until(lambda: robot.state == ENGAGED, LEFT, RIGHT)


@pytest.mark.parametrize("action", ["hold", "open", "release"])
def test_a_hand_lost_in_a_grasp(action: str, client: Client, tmp_path: Path) -> None:
    parameters = (*AUTO, "-p", f"on_loss:={action}", "-p", "left_robot:=''", "-r", "__ns:=/grasp")
    with running_retarget(*parameters, "-r", "hands:=hands", log=tmp_path / "log.txt") as node:
        operator, robot = Operator(client, "/grasp/hands"), RobotHandListener(client, "right", "/grasp/retarget")
        operator.show_until(lambda: robot.joints and closing(robot) > 1.3 and is_at_rest(robot), FIST)
        held = closing(robot)
        operator.show_until(lambda: robot.state == HOLDING, replace(FIST, coasting=True))
        assert closing(robot) == pytest.approx(held, abs=0.02)
        operator.show_until(lambda: robot.state == LOST)
        assert "no right hand" in robot.states[-1].reason
        if action == "release":
            operator.show_until(lambda: is_at_rest(robot))
            operator.show_for(0.3)  # what is on its way arrives
            heard = len(robot.joints)
            operator.show_for(0.3)
            assert len(robot.joints) == heard
        elif action == "hold":
            operator.show_for(0.6)
            assert closing(robot) == pytest.approx(held, abs=0.02)
        else:
            opened = dict(zip(ROBOT.joint_names, open_pose(ROBOT), strict=True))["right_middle_pip"]
            operator.show_until(lambda: closing(robot) == pytest.approx(opened, abs=0.02))
        assert_smooth(robot)
        assert node.stop() == 0


def test_it_starts_from_where_the_robot_says_it_is(client: Client, tmp_path: Path) -> None:
    with running_retarget(*AUTO, "-r", "__ns:=/placed", log=tmp_path / "log.txt") as node:
        operator, robot = Operator(client, "/placed/hands"), RobotHandListener(client, "right", "/placed/retarget")
        states_topic = "/placed/retarget/right/joint_states"
        feedback = client.node.create_publisher(JointState, states_topic, 5)
        client.until(lambda: feedback.get_subscription_count() and robot.states)
        names = ["arm_1", *reversed(ROBOT.joint_names)]
        where = [9.0, *[0.7 if "mcp" in name else 0.1 for name in names[1:]]]
        for _ in range(10):
            feedback.publish(JointState(name=names, position=where))
            client.spin(0.05)
        operator.show_until(lambda: robot.joints, FIST)
        first = dict(zip(robot.joints[0].name, robot.joints[0].position, strict=True))
        for name, position in zip(names[1:], where[1:], strict=True):
            assert first[name] == pytest.approx(position, abs=0.05), name
        assert_smooth(robot)
        assert node.stop() == 0
