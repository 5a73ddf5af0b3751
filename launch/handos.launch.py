"""Starts the node `handos` and, on request, RViz: `ros2 launch handos_ros handos.launch.py --show-args`."""

import sys
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.logging import get_logger, launch_config
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

from handos_model.files.atomic_write import atomic_write
from handos_ros.launching.launch_arguments import (
    DEFAULT_DEPTH_IMAGE,
    DEFAULT_IMAGE,
    RELIABILITIES,
    CameraTopics,
    existing_file,
    one_of,
    parameter_value,
    reliability_overrides,
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
from handos_ros.launching.rviz_config import rviz_config
from handos_ros.parameters.node_parameters import RULES
from handos_ros.topics.large_images import memory_warning, profile_environment
from launch import LaunchContext, LaunchDescription

SHARE = Path(get_package_share_directory("handos_ros"))
NAME = "handos"
IN_CONFIG_FILE = "Not given: the value in config_file."
PARAMETERS = (
    "image_transport",
    "depth",
    "field_of_view",
    "weights",
    "backend",
    "operator",
    "smoothing",
    "meshes",
    "tf",
    "frame_prefix",
    "target_frame",
    "on_demand",
    "autostart",
)
"""Parameters of the node that are launch arguments too: where they are given, they override config_file."""
ARGUMENTS = {
    "image": (DEFAULT_IMAGE, "Topic of the raw images; camera_info is expected beside it."),
    "camera_info": ("", "Topic of the camera's calibration. Not given: camera_info beside the images."),
    "depth_image": (DEFAULT_DEPTH_IMAGE, "Topic of the aligned depth images, for depth:=true."),
    "cameras": (
        "",
        "Several cameras instead of image, as NAME=TOPIC,NAME=TOPIC: left=/stereo/left/image_rect,right=/stereo/right/"
        "image_rect. camera_info and depth_image are then written likewise.",
    ),
    "reliability": ("", f"Of the subscriptions to images, {' or '.join(RELIABILITIES)}. {IN_CONFIG_FILE}"),
    "large_images": (
        "true",
        "true: give the node Fast DDS's shared memory enough room for large images, unless you have chosen a profile, "
        "a transport or another middleware by environment variables; false: leave it as it is.",
    ),
    "namespace": ("", "Namespace of the node and its topics."),
    "config_file": (str(SHARE / "config" / "handos.yaml"), "YAML file with the node's parameters."),
    "use_sim_time": ("", f"true: take the time from /clock, as for bags and simulators. {IN_CONFIG_FILE}"),
    "log_level": ("info", f"Of the node: {', '.join(LOG_LEVELS)}."),
    "rviz": ("false", "true: start RViz too, with the node's topics."),
    "rviz_config": (
        str(SHARE / "config" / "handos.rviz"),
        "RViz's configuration. Topics of the node /handos with one camera become those of this node and its cameras.",
    ),
    "fixed_frame": (
        "",
        "RViz's fixed frame. Not given: target_frame if that is given, otherwise camera_optical_frame.",
    ),
}
"""The other arguments: default and description."""


def generate_launch_description() -> LaunchDescription:
    """The node, RViz, and their arguments."""
    parameters = {name: ("", f"{_described(name)} {IN_CONFIG_FILE}") for name in PARAMETERS}
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in (ARGUMENTS | parameters).items()
    ]
    check = OpaqueFunction(function=_refuse_unknown_arguments)
    return LaunchDescription([check, *arguments, OpaqueFunction(function=_nodes)])


def _described(parameter: str) -> str:
    rule = RULES[parameter]
    return f"{rule.description} One of {', '.join(rule.choices)}." if rule.choices else rule.description


def _refuse_unknown_arguments(context: LaunchContext) -> None:
    refuse_unknown_arguments(Path(__file__), sys.argv, context.argv, (*ARGUMENTS, *PARAMETERS))


def _nodes(context: LaunchContext) -> list[Node]:
    given = {name: LaunchConfiguration(name).perform(context) for name in (*ARGUMENTS, *PARAMETERS)}
    namespace = full_namespace(given["namespace"], context.launch_configurations)
    cameras = topics_of_cameras(given["image"], given["camera_info"], given["depth_image"], given["cameras"])
    clock = {"use_sim_time": yes_or_no("use_sim_time", given["use_sim_time"])} if given["use_sim_time"] else {}
    node = _node(context, given, namespace, cameras, clock)
    if not yes_or_no("rviz", given["rviz"]):
        return [node]
    template = existing_file("rviz_config", given["rviz_config"], "*.rviz").read_text()
    fixed_frame = given["fixed_frame"] or given["target_frame"]
    config = rviz_config(template, _full_name(namespace), [camera.name for camera in cameras], fixed_frame)
    return [node, *_rviz(context, namespace, config, clock)]


def _node(
    context: LaunchContext,
    given: dict[str, str],
    namespace: str,
    cameras: list[CameraTopics],
    clock: dict[str, bool],
) -> LifecycleNode:
    config_file = existing_file("config_file", given["config_file"], "*.yaml")
    log_level = one_of("log_level", given["log_level"], LOG_LEVELS)
    large_images = yes_or_no("large_images", given["large_images"])
    return LifecycleNode(
        package="handos_ros",
        executable="handos_node",
        name=NAME,
        exec_name="handos_node",
        namespace=namespace,
        output="screen",
        parameters=[str(config_file), clock | _overrides(given, cameras, namespace)],
        remappings=[pair for camera in cameras for pair in camera.remappings],
        ros_arguments=log_level_arguments(_full_name(namespace), log_level),
        additional_env=_large_images_environment(context) if large_images else {},
        prefix=ended_with_launch(context.launch_configurations),
    )


def _full_name(namespace: str) -> str:
    return f"{namespace.rstrip('/')}/{NAME}"


def _overrides(given: dict[str, str], cameras: list[CameraTopics], namespace: str) -> dict[str, object]:
    """Parameters that the user has given, in their types."""
    values: dict[str, object] = {name: parameter_value(name, given[name]) for name in PARAMETERS if given[name]}
    if given["weights"]:
        values["weights"] = str(existing_file("weights", given["weights"], "*.onnx"))
    if given["cameras"]:
        values["cameras"] = [camera.name for camera in cameras]
    if given["reliability"]:
        reliability = one_of("reliability", given["reliability"], RELIABILITIES)
        values |= reliability_overrides(reliability, cameras, NAME, namespace)
    return values


def _large_images_environment(context: LaunchContext) -> dict[str, str]:
    warning = memory_warning(context.environment)
    if warning is not None:
        get_logger(NAME).warning(warning)
    return profile_environment(context.environment)


def _rviz(context: LaunchContext, namespace: str, config: str, clock: dict[str, bool]) -> list[Node]:
    """RViz, unless it is not installed: that must not keep the node from running."""
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError:
        get_logger(NAME).warning(
            "rviz2 is not installed, so RViz is not started; the node is. Install it with: "
            f"sudo apt install ros-{context.environment.get('ROS_DISTRO', '$ROS_DISTRO')}-rviz2"
        )
        return []
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        exec_name="rviz2",
        namespace=namespace,
        arguments=["-d", str(_written(config, _full_name(namespace)))],
        parameters=[clock],
        prefix=ended_with_launch(context.launch_configurations),
    )
    return [rviz]


def _written(config: str, node: str) -> Path:
    """The file of RViz's configuration, beside the logs of this launch."""
    file = Path(launch_config.log_dir, f"{node[1:].replace('/', '_')}.rviz")
    with atomic_write(file) as temporary:
        temporary.write_text(config)
    return file
