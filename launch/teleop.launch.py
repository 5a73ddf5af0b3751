"""From a camera to robot hands that follow: `ros2 launch handos_ros teleop.launch.py --show-args`.

Includes handos.launch.py, whose arguments count here too.
"""

import sys
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.logging import get_logger, launch_config
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

from handos_model.files.atomic_write import atomic_write
from handos_model.retargeting.robot_hand import RobotHand
from handos_ros.launching.launch_arguments import (
    check_topic,
    existing_file,
    one_of,
    parameter_value,
    topics_of_cameras,
    yes_or_no,
)
from handos_ros.launching.launch_files import (
    LOG_LEVELS,
    ended_with_launch,
    full_namespace,
    log_level_arguments,
    refuse_unknown_arguments,
)
from handos_ros.launching.rviz_config import with_robots
from handos_ros.player import sidecar_of
from handos_ros.retarget.parameters import RetargetParameters
from handos_ros.retarget.robot_arguments import NO_ROBOT, load_robots, robot_parameters
from handos_ros.retarget.robot_files import robot_description
from handos_ros.retarget.root_broadcaster import robot_frame_prefix
from launch import LaunchContext, LaunchDescription

SHARE = Path(get_package_share_directory("handos_ros"))
HANDOS = Path(__file__).with_name("handos.launch.py")
NAME = "retarget"
IN_CONFIG_FILE = "Not given: the value in teleop_config_file."
ARGUMENTS = {
    "video": ("", "Video file or number of a camera to play on image. Not given: a camera's driver publishes there."),
    "robot": ("", f"Robot hand of both sides: a name from config/robots, or a YAML file. {IN_CONFIG_FILE}"),
    "left_robot": ("", f"Robot hand that follows the left hand; {NO_ROBOT}: none. Not given: that of robot."),
    "right_robot": ("", f"Robot hand that follows the right hand; {NO_ROBOT}: none. Not given: that of robot."),
    "left_urdf": (
        "",
        "URDF of the left robot hand: a file, a folder, or package://PACKAGE/PATH. Not given: the one that the robot's "
        "file names.",
    ),
    "right_urdf": ("", "The same for the right robot hand."),
    "engage": (
        "",
        "What enables the robot: service, topic, or auto, which is for looking at it in RViz. Not given: the value in "
        "teleop_config_file, which is service, so that no robot that listens moves unasked.",
    ),
    "hands": ("", "Topic of the hands that are followed. Not given: those of this launch's only camera."),
    "robot_description": (
        "true",
        "true: show the robot hands at the operator's wrists, each with a robot_state_publisher; false: for a real "
        "robot, which publishes its own description and frames.",
    ),
    "teleop_config_file": (
        str(SHARE / "config" / "retarget.yaml"),
        "YAML file with the parameters of the node retarget.",
    ),
    "rviz": ("true", "true: start RViz with hands and robot hands; false: do not."),
}
"""This file's own arguments, or with another default: default and description."""


def generate_launch_description() -> LaunchDescription:
    """Everything from the camera's topic to RViz, and the arguments."""
    handos = AnyLaunchDescriptionSource(str(HANDOS))
    declared = handos.get_launch_description(LaunchContext()).get_launch_arguments()
    included = [argument for argument in declared if argument.name not in ARGUMENTS]
    own = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    names = [argument.name for argument in (*own, *included)]
    return LaunchDescription(
        [
            OpaqueFunction(function=_refuse_unknown_arguments, args=[names]),
            *own,
            *included,
            OpaqueFunction(function=_actions, args=[handos, names]),
        ]
    )


def _refuse_unknown_arguments(context: LaunchContext, names: list[str]) -> None:
    refuse_unknown_arguments(Path(__file__), sys.argv, context.argv, names)


def _actions(context: LaunchContext, handos: AnyLaunchDescriptionSource, names: list[str]) -> list[Any]:
    """Nothing is started before all arguments are checked: those of handos.launch.py are when it is included, first."""
    given = {name: LaunchConfiguration(name).perform(context) for name in names}
    namespace = full_namespace(given["namespace"], context.launch_configurations)
    node = f"{namespace.rstrip('/')}/{NAME}"
    file = existing_file("teleop_config_file", given["teleop_config_file"], "*.yaml")
    chosen = robot_parameters(given, file, node)
    robots = load_robots(chosen)
    shown = robots if yes_or_no("robot_description", given["robot_description"]) else []
    # The robots always, so that RViz shows what is commanded.
    overrides = _clock(given) | chosen | _parameters(given) | ({"tf": True} if shown else {})
    started = [_retarget(context, given, namespace, [str(file), overrides])]
    started += _robot_state_publishers(context, given, node, shown)
    started += _player(context, given, namespace)
    rviz = {"rviz_config": _rviz_config(given["rviz_config"], node, shown)}
    return [IncludeLaunchDescription(handos, launch_arguments=rviz.items()), *started]


def _parameters(given: dict[str, str]) -> dict[str, Any]:
    """Other parameters of the node retarget that are given as arguments, in their types."""
    names = [name for name in ("engage", "target_frame", "autostart") if given[name]]
    return {name: parameter_value(name, given[name], RetargetParameters) for name in names}


def _retarget(context: LaunchContext, given: dict[str, str], namespace: str, parameters: list[Any]) -> LifecycleNode:
    log_level = one_of("log_level", given["log_level"], LOG_LEVELS)
    return LifecycleNode(
        package="handos_ros",
        executable="handos_retarget",
        name=NAME,
        exec_name="handos_retarget",
        namespace=namespace,
        output="screen",
        parameters=parameters,
        remappings=[("hands", _hands(given, namespace))],
        ros_arguments=log_level_arguments(f"{namespace.rstrip('/')}/{NAME}", log_level),
        prefix=ended_with_launch(context.launch_configurations),
    )


def _hands(given: dict[str, str], namespace: str) -> str:
    """Topic of the hands that are followed."""
    if given["hands"]:
        check_topic("hands", given["hands"])
        return given["hands"]
    if given["cameras"]:
        raise ValueError(
            "launch argument hands is needed with cameras: name the camera whose hands are followed, as in "
            f"hands:={namespace.rstrip('/')}/handos/left/hands"
        )
    return f"{namespace.rstrip('/')}/handos/hands"


def _robot_state_publishers(
    context: LaunchContext, given: dict[str, str], node: str, robots: list[RobotHand]
) -> list[Node]:
    """One for each robot hand, unless it is not installed: that must not keep the others from running."""
    try:
        get_package_prefix("robot_state_publisher")
    except PackageNotFoundError:
        if robots:
            distribution = context.environment.get("ROS_DISTRO", "$ROS_DISTRO")
            get_logger("handos").warning(
                "robot_state_publisher is not installed, so RViz shows no robot hands; everything else runs. Install "
                f"it with: sudo apt install ros-{distribution}-robot-state-publisher"
            )
        return []
    return [_robot_state_publisher(context, given, node, robot) for robot in robots]


def _robot_state_publisher(context: LaunchContext, given: dict[str, str], node: str, robot: RobotHand) -> Node:
    described = {
        "robot_description": robot_description(robot),
        "frame_prefix": robot_frame_prefix(node, robot.side),
        "publish_frequency": 50.0,
    }
    return Node(
        package="robot_state_publisher",
        executable="robot_state_publisher",
        name="robot_state_publisher",
        exec_name=f"{robot.side}_robot_state_publisher",
        namespace=f"{node}/{robot.side}",
        parameters=[_clock(given) | described],
        remappings=[("joint_states", f"{node}/{robot.side}/joint_command")],
        prefix=ended_with_launch(context.launch_configurations),
    )


def _player(context: LaunchContext, given: dict[str, str], namespace: str) -> list[Node]:
    """Publishes the video, if there is one."""
    video = given["video"]
    if not video:
        return []
    if given["cameras"]:
        raise ValueError(f"launch argument video is {video}, but cameras are given: a video is a single camera")
    if not video.isdecimal():
        video = str(existing_file("video", video, "*.mp4"))
    if not sidecar_of(video).is_file() and not given["field_of_view"]:
        get_logger("handos").warning(
            f"video {video} has no intrinsics in {sidecar_of(video)}, so its hands have no metres and are not "
            "followed, unless config_file assumes a field of view: add field_of_view:=60"
        )
    (camera,) = topics_of_cameras(given["image"], given["camera_info"], "", "")
    player = Node(
        package="handos_ros",
        executable="handos_player",
        exec_name="handos_player",
        namespace=namespace,
        output="screen",
        arguments=[video, "--wait-for", "1"],
        remappings=camera.remappings,
        prefix=ended_with_launch(context.launch_configurations),
    )
    return [player]


def _clock(given: dict[str, str]) -> dict[str, bool]:
    return {"use_sim_time": yes_or_no("use_sim_time", given["use_sim_time"])} if given["use_sim_time"] else {}


def _rviz_config(template: str, node: str, robots: list[RobotHand]) -> str:
    """The template with the robot hands, beside the logs of this launch."""
    file = Path(launch_config.log_dir, f"{node[1:].replace('/', '_')}.rviz")
    text = existing_file("rviz_config", template, "*.rviz").read_text()
    topics = {robot_frame_prefix(node, robot.side): f"{node}/{robot.side}/robot_description" for robot in robots}
    with atomic_write(file) as temporary:
        temporary.write_text(with_robots(text, topics))
    return str(file)
