"""What the node `retarget` publishes while it follows two hands."""

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from generic_hands import SIDES, generic_hand
from geometry_msgs.msg import PoseArray, PoseStamped, TwistStamped
from node_process import FRAME_ID, Client, RosProcess, stamp_of
from teleoperation_client import (
    EVERY_MESSAGE,
    Operator,
    RobotHandListener,
    known_hand,
    running_retarget,
    seconds_of,
)
from trajectory_msgs.msg import JointTrajectory

from handos_model.hand.hand import Hand, Handedness
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.retargeting.openxr_hand import OPENXR_JOINT_NAMES, OPENXR_JOINTS_TRACKED
from handos_ros.msg import Grip, HandArray, OpenXRJoints, TeleoperationState
from handos_ros.topics.qos import LATCHED_QOS

HANDS = (known_hand("left", x=-0.2), known_hand("right", x=0.2))
SPAN = 0.12


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosProcess]:
    with running_retarget("-p", "engage:=auto", log=tmp_path_factory.mktemp("node") / "log.txt") as process:
        yield process
        assert process.stop() == 0
        assert "leaked" not in process.log


@pytest.fixture(scope="module")
def operator(node: RosProcess, client: Client) -> Operator:
    return Operator(client)


@pytest.fixture(scope="module")
def robots(client: Client, operator: Operator) -> dict[Handedness, RobotHandListener]:
    """Both robot hands, which follow."""
    listeners: dict[Handedness, RobotHandListener] = {side: RobotHandListener(client, side) for side in SIDES}
    engaged = TeleoperationState.ENGAGED
    operator.show_until(lambda: all(robot.state == engaged for robot in listeners.values()), *HANDS)
    return listeners


@pytest.mark.parametrize("side", SIDES)
def test_joints_are_commanded_by_name_within_their_limits(
    client: Client, operator: Operator, robots: dict[Handedness, RobotHandListener], side: Handedness
) -> None:
    robot, listener = generic_hand(side), robots[side]
    trajectories = client.collect(JointTrajectory, f"/retarget/{side}/joint_trajectory")
    operator.show_until(lambda: len(trajectories) > 5, *HANDS)
    message = listener.joints[-1]
    assert tuple(message.name) == robot.joint_names
    assert (np.array(message.position) >= robot.limits[:, 0]).all()
    assert (np.array(message.position) <= robot.limits[:, 1]).all()
    assert len(message.velocity) == len(message.name)
    assert not message.effort
    assert message.header.frame_id == ""
    assert abs(client.node.get_clock().now().nanoseconds / 1e9 - seconds_of(message.header.stamp)) < 5
    (point,) = trajectories[-1].points
    assert tuple(trajectories[-1].joint_names) == robot.joint_names
    assert stamp_of(trajectories[-1].header) == (0, 0)
    assert point.time_from_start.nanosec == 50_000_000
    assert not point.velocities  # a controller refuses a trajectory that ends in motion
    np.testing.assert_allclose(point.positions, message.position, atol=0.05)


@pytest.mark.parametrize("hand", HANDS, ids=SIDES)
def test_the_wrist_is_commanded_to_where_the_hand_is(
    client: Client, operator: Operator, robots: dict[Handedness, RobotHandListener], hand: Hand
) -> None:
    wrists = client.collect(PoseStamped, f"/retarget/{hand.handedness}/wrist")
    operator.show_until(lambda: len(wrists) > 5, *HANDS)
    message, joints = wrists[-1], hand.joints_3d
    assert joints is not None
    assert message.header.frame_id == FRAME_ID
    position = message.pose.position
    np.testing.assert_allclose([position.x, position.y, position.z], joints[0], atol=1e-6)
    turn = message.pose.orientation
    np.testing.assert_allclose(matrix(turn.x, turn.y, turn.z, turn.w), wrist_axes(hand), atol=1e-5)


def wrist_axes(hand: Hand) -> np.ndarray:
    """(3, 3), by the words of Hand.msg: x to the midpoint of index and pinky knuckles, z out of the back."""
    joints = np.asarray(hand.joints_3d, np.float64)
    index, pinky = (joints[JOINT_NAMES.index(name)] - joints[0] for name in ("index_mcp", "pinky_mcp"))
    x_axis = (index + pinky) / np.linalg.norm(index + pinky)
    back = np.cross(pinky, index) * (1 if hand.handedness == "right" else -1)
    z_axis = back / np.linalg.norm(back)
    return np.stack([x_axis, np.cross(z_axis, x_axis), z_axis], axis=1)


def matrix(x: float, y: float, z: float, w: float) -> np.ndarray:
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross


def test_the_twist_integrates_to_the_motion_of_the_wrist(
    client: Client, operator: Operator, robots: dict[Handedness, RobotHandListener]
) -> None:
    wrists = client.collect(PoseStamped, "/retarget/right/wrist", EVERY_MESSAGE)
    twists = client.collect(TwistStamped, "/retarget/right/twist", EVERY_MESSAGE)
    operator.show_until(lambda: len(twists) > 5 and len(wrists) > 5, *HANDS)
    wrists.clear()
    twists.clear()
    operator.show_moving(1.0, lambda elapsed: (known_hand("right", x=0.2 - SPAN * min(elapsed / 0.6, 1)),))
    operator.show_moving(1.0, lambda elapsed: (known_hand("right", x=0.2 - SPAN * max(1 - elapsed / 0.6, 0)),))
    poses = {stamp_of(message): message.pose.position.x for message in wrists}
    assert {message.header.frame_id for message in twists} == {FRAME_ID}
    paired = [message for message in twists if stamp_of(message) in poses]
    stamps = np.array([seconds_of(message.header.stamp) for message in paired])
    moved = np.array([message.twist.linear.x for message in paired])[1:] * np.diff(stamps)
    positions = np.array([poses[stamp_of(message)] for message in paired])
    assert np.ptp(positions) > 0.9 * SPAN
    assert np.abs(positions[0] + np.cumsum(moved) - positions[1:]).max() < 0.02
    assert max(abs(message.twist.linear.x) for message in twists) <= 1.5


@pytest.mark.parametrize("hand", HANDS, ids=SIDES)
def test_the_grip_is_that_of_the_hand(
    client: Client, operator: Operator, robots: dict[Handedness, RobotHandListener], hand: Hand
) -> None:
    grips = client.collect(Grip, f"/retarget/{hand.handedness}/grip")
    operator.show_until(lambda: len(grips) > 2, *HANDS)
    joints = np.asarray(hand.joints_3d)
    distances = np.linalg.norm(joints[[8, 12, 16, 20]] - joints[4], axis=1)
    message = grips[-1]
    assert message.header.frame_id == FRAME_ID
    assert message.aperture == pytest.approx(distances[0], abs=1e-6)
    assert message.aperture_sigma == pytest.approx(0.003 * np.sqrt(2))
    assert message.pinch_distance == pytest.approx(distances.min(), abs=1e-6)
    assert message.pinch == Grip.PINCH_NONE
    assert message.closing == 0
    assert not message.gripping


def test_openxr_poses_have_latched_names(
    client: Client, operator: Operator, robots: dict[Handedness, RobotHandListener]
) -> None:
    names = client.collect(OpenXRJoints, "/retarget/openxr_joints", LATCHED_QOS)  # late: the node has long been running
    poses = client.collect(PoseArray, "/retarget/right/openxr")
    operator.show_until(lambda: names and poses, *HANDS)
    assert tuple(names[-1].names) == OPENXR_JOINT_NAMES
    assert list(names[-1].tracked) == OPENXR_JOINTS_TRACKED.tolist()
    assert poses[-1].header.frame_id == FRAME_ID
    found = {
        name: [pose.position.x, pose.position.y, pose.position.z]
        for name, pose in zip(names[-1].names, poses[-1].poses, strict=True)
    }
    joints = np.asarray(HANDS[1].joints_3d)
    for ours, theirs in (("wrist", "wrist"), ("index_tip", "index_tip"), ("pinky_mcp", "little_proximal")):
        np.testing.assert_allclose(found[theirs], joints[JOINT_NAMES.index(ours)], atol=1e-6)


@pytest.mark.parametrize("side", SIDES)
def test_the_state_names_the_hand_and_its_image(
    operator: Operator, robots: dict[Handedness, RobotHandListener], side: Handedness
) -> None:
    shown = []

    def hands(_elapsed: float) -> HandArray:
        message = operator.message(*HANDS)
        shown.append(stamp_of(message))
        return message

    operator.send_for(1.0, hands)
    state = robots[side].states[-1]
    assert state.state == TeleoperationState.ENGAGED
    assert state.reason == ""
    assert state.hand_id == (1 if side == "left" else 2)
    assert (state.hand_stamp.sec, state.hand_stamp.nanosec) in shown
    assert state.header.frame_id == FRAME_ID


def test_diagnostics_say_that_all_is_well(
    client: Client, operator: Operator, robots: dict[Handedness, RobotHandListener]
) -> None:
    arrays = client.collect(DiagnosticArray, "/diagnostics")
    operator.show_until(lambda: len(arrays) > 1, *HANDS)
    statuses = {status.name: status for status in arrays[-1].status}
    assert set(statuses) == {f"retarget: {name}" for name in ("node", "grip", "left side", "right side")}
    assert {status.level for status in statuses.values()} == {DiagnosticStatus.OK}
    assert statuses["retarget: node"].message == "active"
    values = {entry.key: entry.value for entry in statuses["retarget: left side"].values}
    assert values["state"] == "engaged"
    assert values["robot description"].endswith("generic_hand_left.urdf")
    assert statuses["retarget: left side"].hardware_id == "generic_hand_left"
