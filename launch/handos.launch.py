"""Starts the node `handos` and, on request, RViz: `ros2 launch handos_ros handos.launch.py --show-args`."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

SHARE = Path(get_package_share_directory("handos_ros"))
YES_OR_NO = ["true", "false"]
PARAMETERS: dict[str, type] = {
    "image_transport": str,
    "depth": bool,
    "weights": str,
    "field_of_view": float,
    "smoothing": bool,
    "autostart": bool,
}
"""Parameters of the node that are launch arguments too. Without the types, 60 would become an integer."""


def generate_launch_description() -> LaunchDescription:
    """The node, RViz, and their arguments."""
    return LaunchDescription([*_topic_arguments(), *_parameter_arguments(), OpaqueFunction(function=_nodes)])


def _topic_arguments() -> list[DeclareLaunchArgument]:
    return [
        DeclareLaunchArgument(
            "image",
            default_value="/camera/image_raw",
            description="Topic of the raw image; camera_info is expected beside it.",
        ),
        DeclareLaunchArgument("depth_image", default_value="/camera/depth", description="Topic of the aligned depth."),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node and its topics."),
        DeclareLaunchArgument(
            "config_file",
            default_value=str(SHARE / "config" / "handos.yaml"),
            description="YAML file with the node's parameters.",
        ),
        DeclareLaunchArgument("rviz", default_value="false", choices=YES_OR_NO, description="Start RViz too."),
    ]


def _parameter_arguments() -> list[DeclareLaunchArgument]:
    """Arguments that override config_file where they are given."""
    return [
        _parameter_argument(
            "image_transport",
            "raw: subscribe to the image topic; compressed: to its /compressed.",
            ["raw", "compressed"],
        ),
        _parameter_argument("depth", "Place hands by depth_image.", YES_OR_NO),
        _parameter_argument("weights", "ONNX file written by `handos export`."),
        _parameter_argument("field_of_view", "Degrees along the longer side, assumed without camera_info."),
        _parameter_argument("smoothing", "Smooth hands over time.", YES_OR_NO),
        _parameter_argument(
            "autostart", "true: the node configures and activates itself; false: a lifecycle manager does.", YES_OR_NO
        ),
    ]


def _parameter_argument(name: str, description: str, choices: list[str] | None = None) -> DeclareLaunchArgument:
    return DeclareLaunchArgument(
        name,
        default_value="",
        choices=choices and ["", *choices],
        description=f"{description} Empty: the value in config_file.",
    )


def _nodes(context: LaunchContext) -> list[Node]:
    given = {name: LaunchConfiguration(name).perform(context) for name in PARAMETERS}
    overrides = {
        name: ParameterValue(value, value_type=PARAMETERS[name]) for name, value in given.items() if value != ""
    }
    node = LifecycleNode(
        package="handos_ros",
        executable="handos_node",
        name="handos",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[LaunchConfiguration("config_file"), overrides],
        remappings=[("image", LaunchConfiguration("image")), ("depth", LaunchConfiguration("depth_image"))],
    )
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", str(SHARE / "config" / "handos.rviz")],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return [node, rviz]
