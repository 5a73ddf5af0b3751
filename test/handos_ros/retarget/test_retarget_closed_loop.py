"""Known hands -> network -> node handos -> node retarget -> JointState -> forward kinematics, over DDS, no robot."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from fixed_answer_graph import Answer, metadata, two_hands, write_fixed_answer_graph
from generic_hands import SIDES, generic_hand, joints_of, random_positions
from node_process import Client, TestCamera, running_node
from teleoperation_client import Operator, RobotHandListener, known_hand, running_retarget

from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import FINGERTIPS, ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_ros.msg import TeleoperationState

ENGAGED = TeleoperationState.ENGAGED
AUTO = ("-p", "engage:=auto", "-p", "tf:=false")


def fingertips(side: Handedness, positions: dict[str, float]) -> np.ndarray:
    """(5, 3) metres from wrist to fingertips, in the hand's frame."""
    return joints_of(generic_hand(side), positions)[list(FINGERTIPS)]


def settled(robot: RobotHandListener) -> bool:
    """Whether the robot follows, and has arrived."""
    return robot.state == ENGAGED and bool(robot.joints) and float(np.abs(robot.joints[-1].velocity).max()) < 1e-3


def test_fingertips_of_known_hands_are_reached_and_left_is_mirrored_right(client: Client, tmp_path: Path) -> None:
    rng, errors = np.random.default_rng(4), []
    with running_retarget(*AUTO, log=tmp_path / "log.txt") as node:
        operator = Operator(client)
        robots = {side: RobotHandListener(client, side) for side in SIDES}
        for _ in range(6):
            truth = random_positions(generic_hand("right"), rng)
            mirrored = {name.replace("right_", "left_"): position for name, position in truth.items()}
            hands = known_hand("left", mirrored, x=-0.2), known_hand("right", truth, x=0.2)
            operator.show_for(1.0, *hands)
            operator.show_until(lambda: all(settled(robot) for robot in robots.values()), *hands)
            of_right, of_left = (fingertips(side, robots[side].positions) for side in ("right", "left"))
            errors.append(np.linalg.norm(of_right - fingertips("right", truth), axis=1))
            np.testing.assert_allclose(of_left * (1, -1, 1), of_right, atol=1e-3)
        assert node.stop() == 0
    assert np.mean(errors) < 0.004


@pytest.fixture(scope="module")
def posed_network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A network that always sees a right hand with known joint angles, and its mirror image."""
    truth = random_positions(generic_hand("right"), np.random.default_rng(11))
    topology = HandTopology.load()
    answer = posed(two_hands(topology), truth)
    path = tmp_path_factory.mktemp("posed") / "network.onnx"
    return write_fixed_answer_graph(path, answer, metadata(topology.id)), truth


def posed(answer: Answer, truth: dict[str, float]) -> Answer:
    """The network's answer with other joints: fingers up, palms away from the camera."""
    joints = np.asarray(known_hand("right", truth).joints_3d)
    right = joints - joints[ROOT_JOINT]
    both = np.stack([right, right * (-1, 1, 1), right, right]).astype(np.float32)
    answer["joints_3d"] = both
    answer["joints_2d"] = answer["camera"][:, None, :2] + answer["camera"][:, None, 2:] * both[..., :2]
    answer["boxes"] = np.concatenate([answer["joints_2d"].min(1), answer["joints_2d"].max(1)], axis=1)
    return answer


def test_the_hands_of_a_camera_move_the_robot_through_both_nodes(
    client: Client, posed_network: tuple[Path, dict[str, float]], tmp_path: Path
) -> None:
    weights, truth = posed_network
    arguments = (*AUTO, "-r", "hands:=/handos/hands")
    with (
        running_node(weights, log=tmp_path / "handos.txt") as handos,
        running_retarget(*arguments, log=tmp_path / "retarget.txt") as retarget,
    ):
        camera = TestCamera(client)
        robots = {side: RobotHandListener(client, side) for side in SIDES}
        client.until(lambda: all(settled(robot) for robot in robots.values()), camera.send)
        for _ in range(30):
            camera.send()
            client.spin(1 / 30)
        of_right, of_left = (fingertips(side, robots[side].positions) for side in ("right", "left"))
        assert np.linalg.norm(of_right - fingertips("right", truth), axis=1).mean() < 0.006
        np.testing.assert_allclose(of_left * (1, -1, 1), of_right, atol=2e-3)
        assert retarget.stop() == handos.stop() == 0
