"""Mistakes of the user: one clear line each, with what to do."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph
from node_process import LIT, Client, TestCamera, ros_process, running_node

from handos_model.files.images import write_image
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID
from handos_model.hand.topology import HandTopology
from handos_ros.messages.image_messages import camera_info_message, image_message
from handos_ros.msg import HandArray

CLIP = Path(__file__).parents[3] / "demo" / "clip.mp4"


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


@pytest.mark.parametrize(
    "source",
    ["gone.mp4", "images"],
)
def test_player_refuses_what_is_not_a_video(source: str, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_image(tmp_path / "images" / "0.png", LIT)
    with ros_process("player", tmp_path / source, log=tmp_path / "log.txt") as player:
        assert player.wait() == 1
        assert source in player.log
        assert len(player.log.strip().splitlines()) == 1


def test_demo_refuses_what_is_not_a_video_before_it_starts_anything(tmp_path: Path) -> None:
    script = Path(__file__).parents[3] / "scripts" / "demo.py"
    demo = subprocess.run([sys.executable, script, tmp_path / "gone.mp4"], capture_output=True, text=True, check=False)
    assert demo.returncode == 1
    assert demo.stdout == ""
    assert "gone.mp4" in demo.stderr
    assert len(demo.stderr.strip().splitlines()) == 1


def test_truncated_weights_end_the_node_with_the_remedy(weights: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.onnx"
    truncated.write_bytes(weights.read_bytes()[:-1000])
    with ros_process("node", "--ros-args", "-p", f"weights:={truncated}", log=tmp_path / "log.txt") as node:
        assert node.wait() == 1
        assert str(truncated) in node.log
        assert "Traceback" not in node.log


@pytest.mark.parametrize(
    ("mano", "complaint"), [("", "MANO_RIGHT.pkl"), ("gone.pkl", "gone.pkl")], ids=["unnamed", "missing"]
)
def test_weights_with_manos_mesh_need_the_users_file(mano: str, complaint: str, tmp_path: Path) -> None:
    weights = write_fixed_answer_graph(
        tmp_path / "network.onnx", two_hands(HandTopology.load()), metadata(MANO_TOPOLOGY_ID)
    )
    parameters = ("--ros-args", "-p", f"weights:={weights}", "-p", f"mano:='{mano}'")
    with ros_process("node", *parameters, log=tmp_path / "log.txt") as node:
        assert node.wait() == 1
        assert complaint in node.log
        assert "Traceback" not in node.log


@pytest.mark.parametrize(
    "value",
    [
        "score_threshold:=1.5",
        "image_transport:=theora",
        "max_age:=text",
        "cameras:=[]",
        "cameras:=[left, left]",
        "cameras:=[my camera]",
    ],
)
def test_invalid_parameter_ends_the_node_with_its_name(value: str, weights: Path, tmp_path: Path) -> None:
    parameters = ("--ros-args", "-p", f"weights:={weights}", "-p", value)
    with ros_process("node", *parameters, log=tmp_path / "log.txt") as node:
        assert node.wait() == 1
        assert value.partition(":")[0] in node.log
        assert "Traceback" not in node.log


@pytest.mark.parametrize("program", ["node", "player", "listener"])
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("-p", "field_of_view"), "'-p field_of_view'"),
        (("--params-file", "gone.yaml"), "gone.yaml"),
        (("--params-file", "malformed.yaml"), "malformed.yaml"),
        (("-r", "image:=/a//b"), "image:=/a//b"),
        (("--no-such-argument",), "--no-such-argument"),
    ],
)
def test_arguments_that_ros_cannot_read_end_every_program_in_one_line(
    program: str, arguments: tuple[str, ...], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("malformed.yaml").write_text('handos:\n  ros__parameters:\n    cameras: [left, "right\n')
    own = [CLIP] if program == "player" else []
    with ros_process(program, *own, "--ros-args", *arguments, log=tmp_path / "log.txt") as process:
        assert process.wait() == 1
        (line,) = process.log.splitlines()
        assert line.startswith(f"handos_{program}: ")
        assert named in line


def test_a_quality_of_service_that_does_not_exist_ends_the_node_with_its_name(weights: Path, tmp_path: Path) -> None:
    override = "qos_overrides./image.subscription.reliability:=foo"
    with ros_process("node", "--ros-args", "-p", f"weights:={weights}", "-p", override, log=tmp_path / "log") as node:
        assert node.wait() == 1
        assert "`reliability`: `foo`" in node.log
        assert "Traceback" not in node.log


def test_what_is_wrong_with_images_and_camera_info_is_said_with_the_remedy(
    weights: Path, tmp_path: Path, client: Client
) -> None:
    with running_node(weights, "-r", "image:=/camera/image_raw", log=tmp_path / "log.txt") as node:
        camera = TestCamera(client, "/camera/image_raw")
        received = client.collect(HandArray, "/handos/hands")

        def logged(text: str) -> bool:
            return text in node.log

        client.until(
            lambda: logged("no camera_info on /camera/camera_info"),
            lambda: camera.send(camera=None),
        )
        assert {message.intrinsics for message in received} == {HandArray.INTRINSICS_NONE}
        assert all(len(hand.joints_3d) == 0 for message in received for hand in message.hands)

        def send_unknown_encoding() -> None:
            message = image_message(LIT, camera.header())
            message.encoding = "bgr9"
            camera.images.publish(message)

        client.until(
            lambda: logged("image encoding 'bgr9'"),
            send_unknown_encoding,
        )


def test_uncalibrated_camera_is_refused(weights: Path, tmp_path: Path, client: Client) -> None:
    with running_node(weights, log=tmp_path / "log.txt") as node:
        camera = TestCamera(client)
        received = client.collect(HandArray, "/handos/hands")

        def send_uncalibrated() -> None:
            header = camera.header()
            info = camera_info_message(CameraIntrinsics(1, 1, 0, 0), header, 320, 240)
            info.k = np.zeros(9)
            camera.infos.publish(info)
            camera.images.publish(image_message(LIT, header))

        client.until(lambda: "K[0] is 0" in node.log, send_uncalibrated)
        client.until(lambda: received, send_uncalibrated)
        assert {message.intrinsics for message in received} == {HandArray.INTRINSICS_NONE}
