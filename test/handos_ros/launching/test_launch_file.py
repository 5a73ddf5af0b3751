"""What the launch file starts, and with what: topics, quality of service, environment, RViz.

Runs on the real launch where it is installed, and otherwise on a stand-in.
"""

import os
from pathlib import Path

import pytest
import yaml
from launched_processes import CHOSEN_BY_USERS, Launcher

from handos_ros.parameters.node_parameters import NodeParameters
from handos_ros.topics.large_images import profile_variable

STEREO = "cameras:=left=/stereo/left/image_rect,right=/stereo/right/image_rect"


def test_without_arguments_the_node_gets_the_defaults(launcher: Launcher) -> None:
    launched = launcher.launch()
    assert launched.code == 0
    assert launched.log == []
    assert set(launched.processes) == {"handos_node"}
    inputs = launched.node.node_inputs()
    assert inputs.name == "/handos"
    assert inputs.parameters == NodeParameters(cameras=[""])
    assert inputs.use_sim_time is False
    assert inputs.topics == [("/camera/image_raw", "/camera/camera_info", "/camera/depth")]
    assert inputs.reliabilities == [("best_effort", "best_effort", "best_effort")]


def test_topics_are_remapped(launcher: Launcher) -> None:
    inputs = launcher.launch(
        "image:=/usb_cam/image", "camera_info:=/calibration", "depth_image:=/aligned/depth"
    ).node.node_inputs()
    assert inputs.topics == [("/usb_cam/image", "/calibration", "/aligned/depth")]


def test_a_namespace_is_that_of_the_node_and_of_relative_topics(launcher: Launcher) -> None:
    inputs = launcher.launch("namespace:=robot", "image:=camera/image").node.node_inputs()
    assert inputs.name == "/robot/handos"
    assert inputs.topics == [("/robot/camera/image", "/robot/camera/camera_info", "/camera/depth")]


def test_a_namespace_is_below_the_one_that_another_launch_file_has_pushed(launcher: Launcher) -> None:
    assert launcher.launch("ros_namespace:=robot", "namespace:=arm").node.node_inputs().name == "/robot/arm/handos"
    assert launcher.launch("ros_namespace:=robot").node.node_inputs().name == "/robot/handos"


def test_several_cameras_are_named_with_their_topics(launcher: Launcher) -> None:
    inputs = launcher.launch(STEREO).node.node_inputs()
    assert inputs.parameters.cameras == ["left", "right"]
    assert inputs.topics == [
        ("/stereo/left/image_rect", "/stereo/left/camera_info", "/left/depth"),
        ("/stereo/right/image_rect", "/stereo/right/camera_info", "/right/depth"),
    ]


def test_several_cameras_have_infos_and_depths_of_their_own(launcher: Launcher) -> None:
    inputs = launcher.launch(
        STEREO, "camera_info:=right=/right_info", "depth_image:=left=/l,right=/r"
    ).node.node_inputs()
    assert [topics[1:] for topics in inputs.topics] == [("/stereo/left/camera_info", "/l"), ("/right_info", "/r")]


@pytest.mark.parametrize("argument", ["image:=/camera/image", "camera_info:=/info", "depth_image:=top=/depth"])
def test_what_contradicts_the_cameras_is_refused(launcher: Launcher, argument: str) -> None:
    launched = launcher.launch(STEREO, argument)
    assert launched.code == 1
    assert argument.partition(":=")[0] in launched.log[0]


@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
def test_reliability_is_that_of_all_subscriptions_to_images(launcher: Launcher, reliability: str) -> None:
    inputs = launcher.launch(f"reliability:={reliability}", STEREO, "namespace:=robot").node.node_inputs()
    raw_compressed = [entry[:2] for entry in inputs.reliabilities]
    assert raw_compressed == [(reliability, reliability)] * 2
    single = launcher.launch(f"reliability:={reliability}", "image:=image", "namespace:=robot").node.node_inputs()
    assert single.reliabilities == [(reliability,) * 3]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("false", False)])
def test_simulated_time_is_the_nodes_and_rvizs(launcher: Launcher, text: str, value: bool) -> None:
    launcher.install_rviz()
    launched = launcher.launch(f"use_sim_time:={text}", "rviz:=true")
    assert launched.node.node_inputs().use_sim_time is value
    (file,) = launched.processes["rviz2"].following("--params-file")
    assert yaml.safe_load(Path(file).read_text()).popitem()[1]["ros__parameters"] == {"use_sim_time": value}


def test_the_log_level_is_the_nodes_alone(launcher: Launcher) -> None:
    assert launcher.launch("log_level:=debug").node.following("--log-level") == ["handos:=debug"]
    launched = launcher.launch("log_level:=error", "namespace:=/robot/arm")
    assert launched.node.following("--log-level") == ["robot.arm.handos:=error"]


def test_large_images_fit_unless_that_is_switched_off(launcher: Launcher, tmp_path: Path) -> None:
    profile = str(tmp_path / "share/handos_ros/config/fastdds_large_images.xml")
    assert launcher.launch().node.environment[profile_variable()] == profile
    assert profile_variable() not in launcher.launch("large_images:=false").node.environment


def test_too_little_shared_memory_for_large_images_is_said(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handos_ros.topics.large_images.NEEDED_MEMORY", 1 << 60)
    launched = launcher.launch()
    assert profile_variable() not in launched.node.environment
    (line,) = launched.log
    assert "--shm-size" in line
    assert launcher.launch("large_images:=false").log == []


@pytest.mark.parametrize("variable", CHOSEN_BY_USERS)
def test_what_the_user_has_chosen_for_large_images_stays(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    # A middleware without Fast DDS; the recording programs do not load it.
    monkeypatch.setenv(variable, "rmw_cyclonedds_cpp" if variable == "RMW_IMPLEMENTATION" else "mine")
    environment = launcher.launch("large_images:=true").node.environment
    assert {name: environment[name] for name in CHOSEN_BY_USERS if name in environment} == {
        variable: os.environ[variable]
    }


def test_rviz_shows_the_nodes_topics_of_every_camera(launcher: Launcher) -> None:
    launcher.install_rviz()
    launched = launcher.launch("rviz:=true", "namespace:=robot", STEREO, "fixed_frame:=base_link")
    (file,) = launched.processes["rviz2"].following("-d")
    manager = yaml.safe_load(Path(file).read_text())["Visualization Manager"]
    topics = {display["Topic"]["Value"] for display in manager["Displays"] if "Topic" in display}
    assert {f"/robot/handos/{camera}/markers" for camera in ("left", "right")} <= topics
    assert all(topic.startswith(("/robot/handos/left/", "/robot/handos/right/")) for topic in topics)
    assert manager["Global Options"]["Fixed Frame"] == "base_link"


def test_rviz_may_have_a_configuration_of_the_users(launcher: Launcher, tmp_path: Path) -> None:
    launcher.install_rviz()
    displays = [{"Name": "Hands", "Topic": {"Value": "/handos/markers"}}, {"Name": "Map", "Topic": {"Value": "/map"}}]
    views = {"Current": {"Target Frame": "camera"}}
    manager = {"Displays": displays, "Global Options": {"Fixed Frame": "camera"}, "Views": views}
    (tmp_path / "mine.rviz").write_text(yaml.safe_dump({"Visualization Manager": manager}))
    launched = launcher.launch("rviz:=true", "namespace:=robot", f"rviz_config:={tmp_path}/mine.rviz")
    (file,) = launched.processes["rviz2"].following("-d")
    shown = yaml.safe_load(Path(file).read_text())["Visualization Manager"]["Displays"]
    assert [display["Topic"]["Value"] for display in shown] == ["/robot/handos/markers", "/map"]
    missing = launcher.launch("rviz:=true", "rviz_config:=/nowhere/mine.rviz")
    assert missing.code == 1
    assert "/nowhere/mine.rviz" in missing.log[0]


@pytest.mark.parametrize(
    ("arguments", "frame"), [([], "camera_optical_frame"), (["target_frame:=base_link"], "base_link")]
)
def test_rvizs_frame_is_the_nodes_target_or_the_templates(launcher: Launcher, arguments: list[str], frame: str) -> None:
    launcher.install_rviz()
    (file,) = launcher.launch("rviz:=true", *arguments).processes["rviz2"].following("-d")
    assert yaml.safe_load(Path(file).read_text())["Visualization Manager"]["Global Options"]["Fixed Frame"] == frame


def test_without_rviz_the_node_starts_and_one_line_says_what_to_install(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DISTRO", "kilted")
    launched = launcher.launch("rviz:=true")
    assert launched.code == 0
    assert set(launched.processes) == {"handos_node"}
    (line,) = launched.log
    assert "apt install ros-kilted-rviz2" in line
