"""Parameters, their file and the launch file say the same."""

import importlib.util
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from handos_ros.parameter_file import parameter_file
from handos_ros.parameters import RULES, NodeParameters

ROOT = Path(__file__).parents[2]
DEFAULTS = {entry.name: entry.default for entry in fields(NodeParameters)}


def test_the_parameter_file_is_the_generated_one() -> None:
    assert (ROOT / "config/handos.yaml").read_text() == parameter_file()


def test_the_parameter_file_holds_every_parameter_with_its_default() -> None:
    values = yaml.safe_load(parameter_file())["/**"]["ros__parameters"]
    assert values == {name: list(value) if isinstance(value, tuple) else value for name, value in DEFAULTS.items()}


def test_the_documentation_names_every_parameter_with_its_range() -> None:
    text = (ROOT / "docs/ros.md").read_text()
    for name, rule in RULES.items():
        assert name in text
        if rule.between is not None and name != "field_of_view":
            assert f"{rule.between[0]:g}..{rule.between[1]:g}" in text, name


def test_rviz_shows_topics_that_the_node_publishes() -> None:
    shown = yaml.safe_load((ROOT / "config/handos.rviz").read_text())["Visualization Manager"]["Displays"]
    topics = {display["Topic"]["Value"] for display in shown if "Topic" in display}
    publishers = (ROOT / "handos_ros/camera_publishers.py").read_text()
    assert topics == {"/handos/markers", "/handos/fingertips", "/handos/overlay"}
    assert all(f'"{topic.rpartition("/")[2]}"' in publishers for topic in topics)


class Recorded:
    """Stands in for a class of launch or launch_ros, which are not on PyPI: keeps what it was made of."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.first = arguments[0] if arguments else None
        self.named = named


class StandInLifecycleNode(Recorded):
    """Told apart from the other nodes."""


class StandInConfiguration(Recorded):
    """An argument's value: what the user gave in `GIVEN`, or nothing."""

    def perform(self, context: object) -> str:
        return GIVEN.get(str(self.first), "")


GIVEN = {"field_of_view": "60", "smoothing": "false"}


@pytest.fixture
def launch_file(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launch file, imported with stand-ins for launch and launch_ros."""
    stand_ins = {
        "ament_index_python.packages": {"get_package_share_directory": lambda package: "/share/handos_ros"},
        "launch": {"LaunchDescription": Recorded, "LaunchContext": object},
        "launch.actions": {"DeclareLaunchArgument": Recorded, "OpaqueFunction": Recorded},
        "launch.conditions": {"IfCondition": Recorded},
        "launch.substitutions": {"LaunchConfiguration": StandInConfiguration},
        "launch_ros": {},
        "launch_ros.actions": {"LifecycleNode": StandInLifecycleNode, "Node": Recorded},
        "launch_ros.parameter_descriptions": {"ParameterValue": Recorded},
    }
    for name, contents in stand_ins.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("handos_launch", ROOT / "launch/handos.launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_launch_arguments_are_described_and_stand_for_parameters_that_exist(launch_file: ModuleType) -> None:
    actions = launch_file.generate_launch_description().first
    arguments = {action.first: action.named for action in actions if action.first is not None}
    assert all(argument["description"] for argument in arguments.values())
    for name, kind in launch_file.PARAMETERS.items():
        assert kind is type(DEFAULTS[name])
        assert RULES[name].description
        assert set(arguments[name]["choices"] or ()) >= set(RULES[name].choices)


def test_launch_file_sets_only_the_parameters_that_were_given(launch_file: ModuleType) -> None:
    node, rviz = launch_file._nodes(object())
    assert isinstance(node, StandInLifecycleNode)
    assert (node.named["package"], node.named["executable"]) == ("handos_ros", "handos_node")
    assert "foreach(executable node player listener)" in (ROOT / "CMakeLists.txt").read_text()
    file, overrides = node.named["parameters"]
    assert file.first == "config_file"
    assert {name: (value.first, value.named["value_type"]) for name, value in overrides.items()} == {
        "field_of_view": ("60", float),
        "smoothing": ("false", bool),
    }
    assert [name for name, _ in node.named["remappings"]] == ["image", "depth"]
    assert (ROOT / "config" / Path(rviz.named["arguments"][1]).name).is_file()
