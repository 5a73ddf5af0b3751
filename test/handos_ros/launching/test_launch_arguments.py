"""The launch file's arguments: their values, what is refused, and which of them are whose.

Runs on the real launch where it is installed, and otherwise on a stand-in.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from launched_processes import LAUNCH_FILE, TELEOP_FILE, Launcher, launch_description

from handos_ros.parameters.node_parameters import NodeParameters

DEFAULTS = NodeParameters(cameras=[""])


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("field_of_view:=60", 60.0),
        ("field_of_view:=60.5", 60.5),
        ("field_of_view:=6e1", 60.0),
        ("depth:=true", True),
        ("depth:=True", True),
        ("depth:=yes", True),
        ("depth:=1", True),
        ("smoothing:=false", False),
        ("meshes:=off", False),
        ("tf:=no", False),
        ("on_demand:=ON", True),
        ("autostart:=0", False),
        ("image_transport:=compressed", "compressed"),
        ("backend:=onnxruntime", "onnxruntime"),
        ("operator:=60", "60"),
        ("operator:=true", "true"),
        ("target_frame:=null", "null"),
        ("frame_prefix:=arm:", "arm:"),
        ("frame_prefix:=60.5", "60.5"),
        ("target_frame:=base_link", "base_link"),
    ],
)
def test_a_parameter_reaches_the_node_in_its_own_type(launcher: Launcher, argument: str, value: Any) -> None:
    name = argument.partition(":=")[0]
    parameters = launcher.launch(argument).node.node_inputs().parameters
    assert type(getattr(parameters, name)) is type(value)
    assert parameters == replace(DEFAULTS, **{name: value})


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("field_of_view:=abc", "field_of_view"),
        ("field_of_view:=true", "field_of_view"),
        ("field_of_view:=nan", "field_of_view"),
        ("field_of_view:=500", "field_of_view"),
        ("field_of_view:=6 0", "field_of_view"),
        ("field_of_view:=0.5", "field_of_view"),
        ("frame_prefix:=a b", "frame_prefix"),
        ("operator:=Ada: the first", "operator"),
        ("weights:=/nowhere/hand.onnx", "/nowhere/hand.onnx"),
        ("depth:=60", "depth"),
        ("depth:=abc", "depth"),
        ("smoothing:=yes please", "smoothing"),
        ("rviz:=abc", "rviz"),
        ("large_images:=60", "large_images"),
        ("use_sim_time:=abc", "use_sim_time"),
        ("image_transport:=true", "image_transport"),
        ("backend:=gpu", "backend"),
        ("reliability:=true", "reliability"),
        ("log_level:=loud", "log_level"),
        ("image:=60", "image"),
        ("image:=/a b", "image"),
        ("image:=/camera//image", "image"),
        ("image:=/camera/", "image"),
        ("camera_info:=/a b", "camera_info"),
        ("depth_image:=60", "depth_image"),
        ("namespace:=60", "namespace"),
        ("namespace:=left arm", "namespace"),
        ("cameras:=left,right", "cameras"),
        ("cameras:=left=", "cameras"),
        ("cameras:=left=/a,left=/b", "cameras"),
        ("cameras:=left=/a,", "cameras"),
        ("cameras:=1=/a", "cameras"),
        ("cameras:=left=/a b", "cameras"),
        ("config_file:=/nowhere/handos.yaml", "/nowhere/handos.yaml"),
        ("config_file:=true", "config_file"),
        ("imgae:=/camera/image", "imgae"),
    ],
)
def test_what_cannot_be_used_stops_launch_with_one_line_that_names_it(
    launcher: Launcher, argument: str, named: str
) -> None:
    launched = launcher.launch(argument)
    assert launched.code == 1
    assert launched.processes == {}
    (line,) = launched.log
    assert named in line


def test_an_unknown_argument_is_told_the_nearest_one(launcher: Launcher) -> None:
    (line,) = launcher.launch("imgae:=/camera/image").log
    assert line.endswith(" image")
    (line,) = launcher.launch("name_space:=robot").log
    assert line.endswith(" namespace")


def test_arguments_are_checked_if_the_file_is_named_by_its_package(launcher: Launcher) -> None:
    assert launcher.launch("imgae:=/camera/image", typed=("handos_ros", "handos.launch.py")).code == 1
    assert launcher.launch("imgae:=/camera/image", typed=("my_robot", "handos.launch.py")).code == 0


def test_launchs_own_arguments_are_known(launcher: Launcher) -> None:
    assert launcher.launch("launch-prefix:=nice").code == 0
    assert launcher.launch("emulate_tty:=true").code == 0


def test_a_missing_parameter_file_is_told_the_nearest_one(launcher: Launcher, tmp_path: Path) -> None:
    for name in ("arm.yaml", "my_hands.yaml", "my_hand.onnx"):
        (tmp_path / name).touch()
    (line,) = launcher.launch(f"config_file:={tmp_path}/my_hand.yaml").log
    assert line.endswith(" my_hands.yaml")


def test_a_parameter_file_counts_where_no_argument_is_given(launcher: Launcher, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("/**:\n  ros__parameters:\n    smoothing: false\n    coast_time: 1.0\n    use_sim_time: true\n")
    inputs = launcher.launch(f"config_file:={file}", "smoothing:=true").node.node_inputs()
    assert inputs.parameters == replace(DEFAULTS, coast_time=1.0)
    assert inputs.use_sim_time is True


def test_an_argument_counts_more_than_what_the_file_says_about_this_very_node(
    launcher: Launcher, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("/robot/handos:\n  ros__parameters:\n    smoothing: false\n    meshes: false\n")
    inputs = launcher.launch(f"config_file:={file}", "namespace:=robot", "smoothing:=true").node.node_inputs()
    assert inputs.parameters == replace(DEFAULTS, meshes=False)


def test_a_parameter_file_may_be_in_the_home_folder(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text("/**:\n  ros__parameters:\n    smoothing: false\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert launcher.launch("config_file:=~/mine.yaml").node.node_inputs().parameters.smoothing is False


def test_weights_may_have_any_name(launcher: Launcher, tmp_path: Path) -> None:
    for name in ("60", "true", "my weights: a.onnx"):
        (tmp_path / name).touch()
        assert launcher.launch(f"weights:={name}").node.node_inputs().parameters.weights == name


PARENT = """\
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource

def generate_launch_description():
    included = IncludeLaunchDescription(
        AnyLaunchDescriptionSource({file!r}), launch_arguments=[("image", "/robot/image"), ("depth", "True")]
    )
    return LaunchDescription([DeclareLaunchArgument("robot", default_value="ur5"), included])
"""


def test_a_launch_file_that_includes_it_may_have_arguments_of_its_own(launcher: Launcher, tmp_path: Path) -> None:
    parent = tmp_path / "handos.launch.py"  # even under the same name
    parent.write_text(PARENT.format(file=str(LAUNCH_FILE)))
    for arguments in ([], ["robot:=panda"], ["robot:=panda", "undeclared:=1"]):
        launched = launcher.launch(*arguments, file=parent)
        assert launched.code == 0, launched.log
        inputs = launched.node.node_inputs()
        assert inputs.topics[0][0] == "/robot/image"
        assert inputs.parameters.depth is True


def test_every_argument_is_described(launcher: Launcher) -> None:
    for file in (LAUNCH_FILE, TELEOP_FILE):
        for argument in launch_description(file).get_launch_arguments():
            assert argument.description.endswith("."), argument.name
