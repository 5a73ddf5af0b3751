"""Runs a launch file with recording programs in place of the node and RViz, and tells what reached them."""

import importlib.util
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import rclpy
from ament_index_python.packages import get_package_prefix, get_package_share_directory
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from handos_ros.parameters.live_parameters import declare_parameters
from handos_ros.parameters.node_parameters import NodeParameters
from handos_ros.topics.names import camera_info_topic, depth_topic, image_topic
from handos_ros.topics.qos import IMAGE_QOS, overridable_qos

ROOT = Path(__file__).parents[2]
LAUNCH_FILE = ROOT / "launch/handos.launch.py"
TELEOP_FILE = ROOT / "launch/teleop.launch.py"
HAS_REAL_LAUNCH = importlib.util.find_spec("launch") is not None and importlib.util.find_spec("launch_ros") is not None
"""This repository has a folder launch too, hence the second."""
Result = TypeVar("Result")

CHOSEN_BY_USERS = (
    "FASTDDS_DEFAULT_PROFILES_FILE",
    "FASTRTPS_DEFAULT_PROFILES_FILE",
    "FASTDDS_BUILTIN_TRANSPORTS",
    "RMW_IMPLEMENTATION",
)
"""Variables with which users choose how Fast DDS transports images, or that another middleware does."""
_RECORDER = """\
#!/bin/sh
printf '%s\\0' "$@" > "$HANDOS_RECORDS/$(basename "$0")@$$.arguments"
env -0 > "$HANDOS_RECORDS/$(basename "$0")@$$.environment"
"""


@dataclass(frozen=True)
class NodeInputs:
    """What a node makes of its command line."""

    name: str
    """With its namespace."""
    parameters: NodeParameters
    use_sim_time: bool
    topics: list[tuple[str, str, str]]
    """Image, camera_info and depth of each camera."""
    reliabilities: list[tuple[str, str, str]]
    """Of the subscriptions to raw images, compressed ones and depth of each camera."""


@dataclass(frozen=True)
class Process:
    """A program as it was started."""

    arguments: list[str]
    environment: dict[str, str]

    def following(self, option: str) -> list[str]:
        """The word after each occurrence of an option."""
        return [after for word, after in zip(self.arguments, self.arguments[1:], strict=False) if word == option]

    def node_inputs(self) -> NodeInputs:
        """Read the command line as the node `handos` does."""
        return self.read(_node_inputs)

    def read(self, reader: Callable[[Node], Result]) -> Result:
        """Let a node with this command line be read."""
        context = Context()
        rclpy.init(args=["program", *self.arguments], context=context)
        node = rclpy.create_node("unnamed", context=context)
        try:
            return reader(node)
        finally:
            node.destroy_node()
            rclpy.shutdown(context=context)


@dataclass(frozen=True)
class Launched:
    """The end of a launch."""

    code: int
    log: list[str]
    started: list[tuple[str, Process]]
    """With the name of the program."""

    @property
    def processes(self) -> dict[str, Process]:
        """By the name of the program, of programs that were started once."""
        return dict(self.started)

    @property
    def node(self) -> Process:
        """The node; a launch that should have started it and did not fails here with what it said."""
        assert "handos_node" in self.processes, self.log
        return self.processes["handos_node"]


class Launcher:
    """Packages handos_ros and, on request, rviz2, whose programs record how they are started."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch
        monkeypatch.setenv("AMENT_PREFIX_PATH", f"{folder}{os.pathsep}{os.environ['AMENT_PREFIX_PATH']}")
        for program in ("handos_node", "handos_retarget", "handos_player"):
            self.install("handos_ros", program)
        (folder / "share/handos_ros/config").symlink_to(ROOT / "config")
        monkeypatch.setenv("HANDOS_RECORDS", str(folder))
        monkeypatch.setenv("ROS_LOG_DIR", str(folder))
        monkeypatch.setattr("tempfile.tempdir", str(folder))  # launch leaves the files of parameters there
        assert get_package_share_directory("handos_ros") == str(folder / "share/handos_ros")

    def install_rviz(self) -> None:
        """Make rviz2 a package that is found."""
        self.install("rviz2", "rviz2")

    def launch(self, *arguments: str, file: Path = LAUNCH_FILE, typed: Sequence[str] = ()) -> Launched:
        """What `ros2 launch FILE ARGUMENT...` does.

        Parameters
        ----------
        arguments
            As NAME:=VALUE.
        file
            The launch file.
        typed
            What was typed for it, such as its package and name; default: its path.
        """
        from launch.actions import IncludeLaunchDescription
        from launch.launch_description_sources import AnyLaunchDescriptionSource

        from launch import LaunchDescription, LaunchService

        for file_of_an_earlier_launch in self._folder.glob("*@*"):
            file_of_an_earlier_launch.unlink()
        self._monkeypatch.setattr("sys.argv", ["ros2", "launch", *(typed or [str(file)]), *arguments])
        given = [(name, value) for name, _, value in (argument.partition(":=") for argument in arguments)]
        included = IncludeLaunchDescription(AnyLaunchDescriptionSource(str(file)), launch_arguments=given)
        service = LaunchService(argv=list(arguments), noninteractive=True)
        service.include_launch_description(LaunchDescription([included]))
        log = _Log()
        for logger in log.loggers:
            logger.addHandler(log)
        try:
            return Launched(service.run(), log.lines, self._processes())
        finally:
            for logger in log.loggers:
                logger.removeHandler(log)

    def install(self, package: str, program: str) -> None:
        """Make a package one that is found, with a recording program."""
        marker = self._folder / "share/ament_index/resource_index/packages" / package
        path = self._folder / "lib" / package / program
        for file in (marker, path, self._folder / "share" / package / "package.xml"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        path.write_text(_RECORDER)
        path.chmod(0o755)
        assert get_package_prefix(package) == str(self._folder)

    def _processes(self) -> list[tuple[str, Process]]:
        found = []
        for file in self._folder.glob("*.arguments"):
            environment = (entry.partition("=") for entry in _words(file.with_suffix(".environment")))
            process = Process(_words(file), {name: value for name, _, value in environment})
            found.append((file.stem.partition("@")[0], process))
        return found


class _Log(logging.Handler):
    """Keeps the warnings and errors of launch and of launch files."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.loggers = [logging.getLogger(name) for name in ("launch", "launch_ros", "handos")]

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _words(file: Path) -> list[str]:
    return file.read_text().split("\0")[:-1]


def _node_inputs(node: Node) -> NodeInputs:
    parameters = declare_parameters(node, NodeParameters)
    cameras: Sequence[str] = parameters.cameras
    topics = [(image_topic(node, name), camera_info_topic(node, name), depth_topic(node, name)) for name in cameras]
    return NodeInputs(
        name=node.get_fully_qualified_name(),
        parameters=parameters,
        use_sim_time=node.get_parameter("use_sim_time").value,
        topics=topics,
        reliabilities=[
            (
                _reliability(node, Image, image),
                _reliability(node, CompressedImage, f"{image}/compressed"),
                _reliability(node, Image, depth),
            )
            for image, _, depth in topics
        ],
    )


def _reliability(node: Node, kind: type, topic: str) -> str:
    node.create_subscription(kind, topic, lambda _: None, IMAGE_QOS, qos_overriding_options=overridable_qos())
    return node.get_parameter(f"qos_overrides.{topic}.subscription.reliability").value


def launch_description(file: Path) -> Any:
    """What a launch file describes; only with the fixture `launcher`, which brings launch where it is not installed."""
    from launch.launch_description_sources import AnyLaunchDescriptionSource

    from launch import LaunchContext

    return AnyLaunchDescriptionSource(str(file)).get_launch_description(LaunchContext())


def declared_arguments(file: Path) -> dict[str, str]:
    """Defaults of a launch file's arguments, by name."""
    return {argument.name: _default(argument) for argument in launch_description(file).get_launch_arguments()}


def _default(argument: Any) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in argument.default_value)
