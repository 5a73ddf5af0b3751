"""The managed lifecycle, driven over DDS as a lifecycle manager does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from node_process import Client, TestCamera, ros_process, running_node, write_weights

from handos_ros.msg import HandArray


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def change(client: Client, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return client.call(ChangeState, "/handos/change_state", request).success


def state(client: Client) -> int:
    return client.call(GetState, "/handos/get_state", GetState.Request()).current_state.id


def test_a_failing_transition_says_why_and_can_be_retried(tmp_path: Path, client: Client) -> None:
    weights = tmp_path / "network.onnx"
    parameters = ("--ros-args", "-p", f"weights:={weights}", "-p", "autostart:=false")
    with ros_process("node", *parameters, log=tmp_path / "log.txt") as node:
        assert state(client) == State.PRIMARY_STATE_UNCONFIGURED
        assert not change(client, Transition.TRANSITION_CONFIGURE)
        assert f"not configured: weights file {weights} does not exist" in node.log
        assert state(client) == State.PRIMARY_STATE_UNCONFIGURED
        write_weights(tmp_path)
        assert change(client, Transition.TRANSITION_CONFIGURE)
        assert state(client) == State.PRIMARY_STATE_INACTIVE
        assert node.stop() == 0


def test_the_camera_is_subscribed_to_only_while_active(tmp_path: Path, client: Client) -> None:
    with running_node(write_weights(tmp_path), log=tmp_path / "log.txt") as node:
        camera = TestCamera(client)
        received = client.collect(HandArray, "/handos/hands")
        client.until(lambda: received, camera.send)
        assert change(client, Transition.TRANSITION_DEACTIVATE)
        client.until(lambda: camera.images.get_subscription_count() == 0)
        assert change(client, Transition.TRANSITION_ACTIVATE)
        received.clear()
        client.until(lambda: received, camera.send)
        assert change(client, Transition.TRANSITION_DEACTIVATE)
        assert change(client, Transition.TRANSITION_CLEANUP)
        client.until(lambda: client.node.count_publishers("/handos/hands") == 0)
        assert client.set_parameter("image_transport", "compressed").successful
        assert change(client, Transition.TRANSITION_CONFIGURE)
        assert change(client, Transition.TRANSITION_ACTIVATE)
        client.until(lambda: client.node.count_subscribers("/image/compressed") == 1)
        assert change(client, Transition.TRANSITION_ACTIVE_SHUTDOWN)
        assert node.stop() == 0
        assert "Traceback" not in node.log


def status(received: list[DiagnosticArray], what: str) -> DiagnosticStatus:
    """The newest status of `what`."""
    return next(status for status in received[-1].status if status.name == f"handos: {what}")


def test_diagnostics_tell_what_runs_and_whether_images_come(tmp_path: Path, client: Client) -> None:
    with running_node(write_weights(tmp_path), log=tmp_path / "log.txt") as node:
        camera = TestCamera(client)
        received = client.collect(HandArray, "/handos/hands")
        statuses: list[DiagnosticArray] = client.collect(DiagnosticArray, "/diagnostics")
        client.until(lambda: received, camera.send)
        statuses.clear()
        client.until(lambda: statuses, camera.send)
        of_node, of_camera = status(statuses, "node"), status(statuses, "camera")
        values = {value.key: value.value for value in (*of_node.values, *of_camera.values)}
        assert of_node.level == of_camera.level == DiagnosticStatus.OK
        assert values["state"] == "active"
        assert values["backend"].startswith("ONNX Runtime")
        assert values["hands now"] == "2"
        assert int(values["frames in"]) >= int(values["frames out"]) > 0
        assert float(values["latency p50 [ms]"]) > 0
        client.until(lambda: status(statuses, "camera").level == DiagnosticStatus.WARN)
        assert "no image on /image" in status(statuses, "camera").message
        assert node.stop() == 0


def test_statuses_of_two_nodes_and_of_two_cameras_have_names_of_their_own(tmp_path: Path, client: Client) -> None:
    weights = write_weights(tmp_path)
    statuses: list[DiagnosticArray] = client.collect(DiagnosticArray, "/diagnostics")

    def names() -> set[str]:
        return {status.name for message in statuses for status in message.status}

    first = ("-r", "__ns:=/robot1", "-p", "cameras:=[left, right]")
    second = ("-r", "__ns:=/robot2", "-r", "__node:=eyes")
    with (
        running_node(weights, *first, log=tmp_path / "first.txt"),
        running_node(weights, *second, log=tmp_path / "second.txt"),
    ):
        expected = {
            *("robot1/handos: node", "robot1/handos: camera left", "robot1/handos: camera right"),
            *("robot2/eyes: node", "robot2/eyes: camera"),
        }
        client.until(lambda: names() >= expected)
        assert all(name.startswith(("robot1/handos: ", "robot2/eyes: ")) for name in names())
        (left,) = {s.hardware_id for m in statuses for s in m.status if s.name == "robot1/handos: camera left"}
        assert left == "/robot1/left/image"
