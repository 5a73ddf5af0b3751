"""What teleop.launch.py starts beside handos.launch.py: the node retarget, the robots' frames, a video, RViz.

Runs on the real launch where it is installed, and otherwise on a stand-in.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from launched_processes import ROOT, TELEOP_FILE, Launched, Launcher, Process
from rclpy.node import Node

from handos_ros.parameters.live_parameters import declare_parameters
from handos_ros.retarget.parameters import RetargetParameters

CLIP = str(ROOT / "demo/clip.mp4")


def teleop(launcher: Launcher, *arguments: str) -> Launched:
    return launcher.launch(*arguments, file=TELEOP_FILE)


def installed(launcher: Launcher) -> Launcher:
    """With RViz and robot_state_publisher."""
    launcher.install_rviz()
    launcher.install("robot_state_publisher", "robot_state_publisher")
    return launcher


def parameters_of(process: Process) -> RetargetParameters:
    return process.read(lambda node: declare_parameters(node, RetargetParameters))


def hands_of(process: Process) -> tuple[str, str]:
    """Full name of the node, and the topic of its hands."""

    def read(node: Node) -> tuple[str, str]:
        return node.get_fully_qualified_name(), node.resolve_topic_name("hands")

    return process.read(read)


def robot_publishers(launched: Launched) -> dict[str, Process]:
    """By namespace."""
    found = [process for name, process in launched.started if name == "robot_state_publisher"]
    return {process.read(lambda node: node.get_namespace()): process for process in found}


def displays_of(launched: Launched) -> list[dict[str, Any]]:
    (file,) = launched.processes["rviz2"].following("-d")
    displays: list[dict[str, Any]] = yaml.safe_load(Path(file).read_text())["Visualization Manager"]["Displays"]
    return displays


def test_without_arguments_hands_are_followed_but_nothing_moves_unasked(launcher: Launcher) -> None:
    launched = teleop(installed(launcher))
    assert launched.code == 0, launched.log
    assert sorted(name for name, _ in launched.started) == [
        "handos_node",
        "handos_retarget",
        "robot_state_publisher",
        "robot_state_publisher",
        "rviz2",
    ]
    assert hands_of(launched.processes["handos_retarget"]) == ("/retarget", "/handos/hands")
    assert parameters_of(launched.processes["handos_retarget"]) == RetargetParameters(tf=True)
    assert RetargetParameters().engage == "service"


def test_arguments_of_handos_launch_count_here_too(launcher: Launcher) -> None:
    launched = teleop(launcher, "image:=/usb_cam/image", "field_of_view:=60", "target_frame:=base_link", "rviz:=false")
    inputs = launched.node.node_inputs()
    assert inputs.topics[0][0] == "/usb_cam/image"
    assert (inputs.parameters.field_of_view, inputs.parameters.target_frame) == (60.0, "base_link")
    assert parameters_of(launched.processes["handos_retarget"]).target_frame == "base_link"


def test_a_namespace_is_that_of_everything(launcher: Launcher) -> None:
    launched = teleop(installed(launcher), "namespace:=arm", f"video:={CLIP}", "image:=camera/image")
    assert hands_of(launched.processes["handos_retarget"]) == ("/arm/retarget", "/arm/handos/hands")
    assert launched.node.node_inputs().topics[0][0] == "/arm/camera/image"
    assert set(robot_publishers(launched)) == {"/arm/retarget/left", "/arm/retarget/right"}
    topic = launched.processes["handos_player"].read(lambda node: node.resolve_topic_name("image"))
    assert topic == "/arm/camera/image"


@pytest.mark.parametrize("side", ["left", "right"])
def test_each_robot_has_frames_of_its_own_and_moves_as_commanded(launcher: Launcher, side: str) -> None:
    publisher = robot_publishers(teleop(installed(launcher)))[f"/retarget/{side}"]

    def read(node: Node) -> tuple[str, str, str]:
        parameters = [node.declare_parameter(name, "").value for name in ("robot_description", "frame_prefix")]
        return parameters[0], parameters[1], node.resolve_topic_name("joint_states")

    description, prefix, topic = publisher.read(read)
    assert description == (ROOT / f"config/robots/generic_hand_{side}.urdf").read_text()
    assert prefix == f"retarget/{side}/"
    assert topic == f"/retarget/{side}/joint_command"


def test_rviz_shows_hands_and_robots(launcher: Launcher) -> None:
    displays = displays_of(teleop(installed(launcher), "namespace:=arm", "right_robot:=generic_gripper"))
    robots = [display for display in displays if display["Class"].endswith("/RobotModel")]
    assert [(robot["Description Topic"]["Value"], robot["TF Prefix"]) for robot in robots] == [
        ("/arm/retarget/left/robot_description", "arm/retarget/left"),
        ("/arm/retarget/right/robot_description", "arm/retarget/right"),
    ]
    topics = [display["Topic"]["Value"] for display in displays if "Topic" in display]
    assert "/arm/handos/markers" in topics


def test_robots_that_the_users_rviz_shows_already_are_not_shown_twice(launcher: Launcher, tmp_path: Path) -> None:
    first = teleop(installed(launcher))
    (tmp_path / "saved.rviz").write_text(Path(first.processes["rviz2"].following("-d")[0]).read_text())
    assert displays_of(teleop(launcher, f"rviz_config:={tmp_path}/saved.rviz")) == displays_of(first)


def test_what_rviz_needs_is_left_out_for_a_real_robot(launcher: Launcher) -> None:
    launched = teleop(installed(launcher), "robot_description:=false")
    assert robot_publishers(launched) == {}
    assert parameters_of(launched.processes["handos_retarget"]).tf is False
    assert [display for display in displays_of(launched) if display["Class"].endswith("/RobotModel")] == []


def test_without_robot_state_publisher_and_rviz_the_rest_runs_and_one_line_each_says_what_to_install(
    launcher: Launcher,
) -> None:
    launched = teleop(launcher)
    assert launched.code == 0
    assert set(launched.processes) == {"handos_node", "handos_retarget"}
    assert len(launched.log) == 2
    assert "robot-state-publisher" in launched.log[0]
    assert "rviz2" in launched.log[1]
    assert teleop(launcher, "robot_description:=false", "rviz:=false").log == []


@pytest.mark.parametrize(
    ("arguments", "robots"),
    [
        (["robot:=generic_gripper"], ("generic_gripper", "generic_gripper")),
        (["left_robot:=generic_gripper"], ("generic_gripper", "generic_hand")),
        (["robot:=generic_gripper", "right_robot:=generic_hand"], ("generic_gripper", "generic_hand")),
        (["left_robot:=none"], ("", "generic_hand")),
    ],
)
def test_robots_are_chosen_for_both_sides_or_one(
    launcher: Launcher, arguments: list[str], robots: tuple[str, str]
) -> None:
    parameters = parameters_of(teleop(launcher, *arguments).processes["handos_retarget"])
    assert (parameters.left_robot, parameters.right_robot) == robots


def test_an_own_robot_is_shown_as_commanded_with_its_meshes(launcher: Launcher, tmp_path: Path) -> None:
    urdf = (ROOT / "config/robots/generic_hand_right.urdf").read_text()
    mesh = '<link name="right_palm">\n<visual><geometry><mesh filename="meshes/palm.stl"/></geometry></visual>'
    (tmp_path / "mine.urdf").write_text(urdf.replace('<link name="right_palm">', mesh))
    arguments = ("left_robot:=none", f"right_urdf:={tmp_path}/mine.urdf")
    launched = teleop(installed(launcher), *arguments)
    assert parameters_of(launched.processes["handos_retarget"]).right_urdf == f"{tmp_path}/mine.urdf"
    (publisher,) = robot_publishers(launched).values()
    description = publisher.read(lambda node: node.declare_parameter("robot_description", "").value)
    assert f'filename="file://{tmp_path}/meshes/palm.stl"' in description


def test_a_parameter_file_counts_where_no_argument_is_given(launcher: Launcher, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "/**:\n  ros__parameters: {left_robot: generic_gripper, engage: topic, on_loss: open}\n"
        "/retarget:\n  ros__parameters: {right_robot: generic_gripper}\n"
    )
    argument = f"teleop_config_file:={file}"
    parameters = parameters_of(teleop(launcher, argument, "engage:=auto").processes["handos_retarget"])
    assert (parameters.left_robot, parameters.right_robot) == ("generic_gripper", "generic_gripper")
    assert (parameters.engage, parameters.on_loss) == ("auto", "open")


def test_a_video_is_played_on_the_images_topic(launcher: Launcher) -> None:
    launched = teleop(launcher, f"video:={CLIP}", "rviz:=false", "robot_description:=false")
    assert launched.log == []
    player = launched.processes["handos_player"]
    assert player.arguments[:3] == [CLIP, "--wait-for", "1"]
    assert player.read(lambda node: node.resolve_topic_name("image")) == "/camera/image_raw"


def test_a_video_without_intrinsics_is_told_what_is_missing(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "mine.mp4").touch()
    arguments = (f"video:={tmp_path}/mine.mp4", "rviz:=false", "robot_description:=false")
    (line,) = teleop(launcher, *arguments).log
    assert "field_of_view" in line
    assert teleop(launcher, *arguments, "field_of_view:=60").log == []


def test_with_several_cameras_the_hands_to_follow_are_named(launcher: Launcher) -> None:
    cameras = "cameras:=left=/stereo/left/image_rect,right=/stereo/right/image_rect"
    refused = teleop(launcher, cameras)
    assert (refused.code, refused.started) == (1, [])
    assert "hands" in refused.log[-1]
    launched = teleop(launcher, cameras, "hands:=/handos/left/hands")
    assert hands_of(launched.processes["handos_retarget"])[1] == "/handos/left/hands"


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("robbot:=leap", "robbot"),
        ("imgae:=/camera/image", "imgae"),
        ("robot:=laep", "laep"),
        ("robot:=none", "left_robot"),
        ("left_robot:=/nowhere/mine.yaml", "/nowhere/mine.yaml"),
        ("left_urdf:=/nowhere/mine.urdf", "/nowhere/mine.urdf"),
        ("left_urdf:=package://nobodys_robot/mine.urdf", "nobodys_robot"),
        ("engage:=always", "engage"),
        ("hands:=/a b", "hands"),
        ("robot_description:=perhaps", "robot_description"),
        ("teleop_config_file:=/nowhere/mine.yaml", "/nowhere/mine.yaml"),
        ("video:=/nowhere/mine.mp4", "/nowhere/mine.mp4"),
        ("field_of_view:=500", "field_of_view"),
        ("rviz_config:=/nowhere/mine.rviz", "/nowhere/mine.rviz"),
        ("namespace:=60", "namespace"),
    ],
)
def test_what_cannot_be_used_stops_launch_with_a_line_that_names_it(
    launcher: Launcher, argument: str, named: str
) -> None:
    launched = teleop(installed(launcher), argument)
    assert (launched.code, launched.started) == (1, [])
    (line,) = launched.log
    assert named in line
