"""The node `retarget` with other robots, frames and namespaces, through its lifecycle, over DDS."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from node_process import FRAME_ID, Client
from teleoperation_client import Operator, RobotHandListener, known_hand, running_retarget
from transforms import import_tf2_ros, tf2_for_children, transform

from handos_ros.msg import TeleoperationState

ENGAGED = TeleoperationState.ENGAGED
AUTO = ("-p", "engage:=auto", "-p", "tf:=false")
LEFT, RIGHT = known_hand("left", x=-0.1), known_hand("right", x=0.1)
CYCLE = (
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
)


def change(client: Client, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return client.call(ChangeState, "/retarget/change_state", request).success


def topics(client: Client) -> set[str]:
    """Topics of the node below its sides."""
    return {name for name, _ in client.node.get_topic_names_and_types() if name.startswith("/retarget/right/")}


def test_configure_and_cleanup_leave_nothing_behind_and_work_again(client: Client, tmp_path: Path) -> None:
    with running_retarget(*AUTO, log=tmp_path / "log.txt") as node:
        operator, robot = Operator(client), RobotHandListener(client, "right")
        diagnostics = client.collect(DiagnosticArray, "/diagnostics")
        for _ in range(3):
            robot.clear()
            operator.show_until(lambda: robot.state == ENGAGED, LEFT, RIGHT)
            assert all(change(client, transition) for transition in CYCLE)
        assert all(change(client, transition) for transition in CYCLE[:2])
        state = client.call(GetState, "/retarget/get_state", GetState.Request()).current_state.id
        assert state == State.PRIMARY_STATE_UNCONFIGURED
        client.until(lambda: operator.hands.get_subscription_count() == 0)
        client.until(lambda: client.node.count_publishers("/retarget/right/joint_command") == 0)
        diagnostics.clear()
        client.until(lambda: diagnostics)
        assert [status.message for status in diagnostics[-1].status] == ["unconfigured"]
        assert client.set_parameter("right_robot", "generic_gripper", "/retarget").successful
        assert all(change(client, transition) for transition in CYCLE[2:])
        robot.clear()
        operator.show_until(lambda: robot.joints, LEFT, RIGHT)
        assert list(robot.joints[-1].name) == ["right_gripper_thumb"]
        assert node.stop() == 0


def test_a_failed_configuration_says_why_and_can_be_retried(client: Client, tmp_path: Path) -> None:
    with running_retarget(*AUTO, log=tmp_path / "log.txt") as node:
        assert all(change(client, transition) for transition in CYCLE[:2])
        assert client.set_parameter("right_robot", "no_such_hand", "/retarget").successful
        assert not change(client, CYCLE[2])
        assert "not configured" in node.log
        assert "no_such_hand" in node.log
        assert client.set_parameter("right_robot", "generic_hand", "/retarget").successful
        assert all(change(client, transition) for transition in CYCLE[2:])
        assert node.stop() == 0


def test_parameters_that_are_read_at_configuration_cannot_change_while_it_runs(client: Client, tmp_path: Path) -> None:
    with running_retarget(*AUTO, log=tmp_path / "log.txt") as node:
        assert not client.set_parameter("max_joint_speed", 1.0, "/retarget").successful
        assert client.set_parameter("max_latency", 0.5, "/retarget").successful
        assert not client.set_parameter("open_aperture", 0.03, "/retarget").successful  # too near to the closed one
        assert client.set_parameter("open_aperture", 0.09, "/retarget").successful
        assert node.stop() == 0


def test_two_nodes_in_two_namespaces_move_two_robots(client: Client, tmp_path: Path) -> None:
    first = running_retarget(*AUTO, "-r", "__ns:=/a", log=tmp_path / "a.txt")
    second = running_retarget(*AUTO, "-r", "__ns:=/b", "-p", "left_robot:=''", log=tmp_path / "b.txt")
    with first as node_a, second as node_b:
        operators = [Operator(client, f"/{name}/hands") for name in "ab"]
        robots = [RobotHandListener(client, "right", f"/{name}/retarget") for name in "ab"]
        others = RobotHandListener(client, "left", "/b/retarget")
        diagnostics = client.collect(DiagnosticArray, "/diagnostics")
        operators[0].show_until(lambda: robots[0].state == ENGAGED, LEFT, RIGHT)
        assert robots[1].state != ENGAGED
        assert not robots[1].joints
        operators[1].show_until(lambda: robots[1].state == ENGAGED, LEFT, RIGHT)
        assert not others.states
        diagnostics.clear()
        client.until(lambda: len(diagnostics) > 3)
        names = {status.name for array in diagnostics for status in array.status}
        assert {"a/retarget: left side", "a/retarget: right side", "b/retarget: right side"} <= names
        assert "b/retarget: left side" not in names
        assert node_a.stop() == node_b.stop() == 0


def test_the_wrist_is_commanded_in_the_target_frame_and_stays_without_a_transform(
    client: Client, tmp_path: Path
) -> None:
    tf2_ros = import_tf2_ros()
    parameters = (*AUTO, "-p", "target_frame:=base_link")
    with tf2_for_children(), running_retarget(*parameters, log=tmp_path / "log.txt") as node:
        operator, robot = Operator(client), RobotHandListener(client, "right")
        wrists: list[Any] = client.collect(PoseStamped, "/retarget/right/wrist")
        diagnostics = client.collect(DiagnosticArray, "/diagnostics")
        operator.show_until(lambda: robot.joints and diagnostics, RIGHT)
        diagnostics.clear()
        operator.show_until(lambda: diagnostics, RIGHT)
        assert not wrists  # joints need no transform
        status = next(s for s in diagnostics[-1].status if s.name == "retarget: right side")
        assert status.level == DiagnosticStatus.WARN
        assert "base_link" in status.message
        half = math.sqrt(0.5)
        broadcaster = tf2_ros.StaticTransformBroadcaster(client.node)
        # The camera is a metre above the base and looks along its y axis: x right, y down, z forward.
        broadcaster.sendTransform(transform("base_link", FRAME_ID, (0.0, 0.0, 1.0), (-half, 0.0, 0.0, half)))
        operator.show_until(lambda: len(wrists) > 5, RIGHT)
        message = wrists[-1]
        assert message.header.frame_id == "base_link"
        x, y, z = np.asarray(RIGHT.joints_3d)[0]
        position = message.pose.position
        np.testing.assert_allclose([position.x, position.y, position.z], [x, z, 1 - y], atol=1e-6)
        assert node.stop() == 0
