"""The stand-in for launch behaves like the real one: each test runs on both where launch is installed."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from launched_processes import HAS_REAL_LAUNCH
from stand_in_launch_ros import stand_in_modules

Import = Callable[[str], ModuleType]


@pytest.fixture(params=["stand-in", *(["real"] if HAS_REAL_LAUNCH else [])])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Import:
    """Imports a module of launch or launch_ros."""
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path))
    if request.param == "stand-in":
        for name, stand_in in stand_in_modules().items():
            monkeypatch.setitem(sys.modules, name, stand_in)
    return importlib.import_module


@pytest.mark.parametrize(("value", "kind"), [("60", float), ("true", bool), (60, float), (1.5, int), (60, str)])
def test_a_parameter_value_checks_what_is_no_substitution(module: Import, value: Any, kind: type) -> None:
    with pytest.raises(TypeError):
        module("launch_ros.parameter_descriptions").ParameterValue(value, value_type=kind)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("60", float, 60.0),
        ("60", int, 60),
        ("60", str, "60"),
        ("true", bool, True),
        ("off", bool, False),
        ("1", bool, True),
        ("60", None, 60),
        ("yes", None, True),
    ],
)
def test_a_parameter_value_converts_a_substitution(module: Import, text: str, kind: Any, value: Any) -> None:
    context = module("launch").LaunchContext()
    context.launch_configurations["argument"] = text
    configuration = module("launch.substitutions").LaunchConfiguration("argument")
    got = module("launch_ros.parameter_descriptions").ParameterValue(configuration, value_type=kind).evaluate(context)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(("text", "kind"), [("abc", float), ("60.5", int), ("abc", bool), ("60", bool)])
def test_a_parameter_value_refuses_a_substitution_of_another_kind(module: Import, text: str, kind: type) -> None:
    context = module("launch").LaunchContext()
    context.launch_configurations["argument"] = text
    configuration = module("launch.substitutions").LaunchConfiguration("argument")
    with pytest.raises(ValueError, match=text):
        module("launch_ros.parameter_descriptions").ParameterValue(configuration, value_type=kind).evaluate(context)


def test_a_configuration_that_was_never_set_has_no_value(module: Import) -> None:
    context = module("launch").LaunchContext()
    configuration = module("launch.substitutions").LaunchConfiguration
    with pytest.raises(module("launch.substitutions").SubstitutionFailure):
        configuration("missing").perform(context)
    assert configuration("missing", default="some").perform(context) == "some"


def test_an_argument_takes_its_default_only_if_it_is_not_set(module: Import) -> None:
    declare = module("launch.actions").DeclareLaunchArgument
    context = module("launch").LaunchContext()
    context.launch_configurations["image"] = "/given"
    for name in ("image", "depth"):
        declare(name, default_value="/default").execute(context)
    assert context.launch_configurations == {"image": "/given", "depth": "/default"}


def test_an_argument_without_a_default_is_required(module: Import) -> None:
    with pytest.raises(RuntimeError, match="image"):
        module("launch.actions").DeclareLaunchArgument("image").execute(module("launch").LaunchContext())


def test_an_argument_refuses_what_is_no_choice(module: Import) -> None:
    declare = module("launch.actions").DeclareLaunchArgument
    with pytest.raises(RuntimeError):
        declare("rviz", default_value="maybe", choices=["true", "false"])
    with pytest.raises(RuntimeError):
        declare("rviz", choices=[])
    context = module("launch").LaunchContext()
    context.launch_configurations["rviz"] = "True"
    with pytest.raises(RuntimeError, match="rviz"):
        declare("rviz", default_value="true", choices=["true", "false"]).execute(context)


def test_an_opaque_function_must_be_callable(module: Import) -> None:
    with pytest.raises(TypeError):
        module("launch.actions").OpaqueFunction(function="not a function")


@pytest.mark.parametrize(
    "wrong",
    [
        {"parameters": {"depth": True}},
        {"parameters": [{"depth": None}]},
        {"parameters": [{"depth": object()}]},
        {"parameters": [60]},
        {"remappings": ["image"]},
        {"remappings": [("image", 60)]},
        {"surplus": True},
    ],
)
def test_a_node_refuses_what_it_cannot_pass_on(module: Import, wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        module("launch_ros.actions").Node(package="handos_ros", executable="handos_node", **wrong)


@pytest.mark.parametrize("given", [{"name": "handos"}, {"namespace": "/"}])
def test_a_lifecycle_node_needs_a_name_and_a_namespace(module: Import, given: dict[str, str]) -> None:
    with pytest.raises(TypeError):
        module("launch_ros.actions").LifecycleNode(package="handos_ros", executable="handos_node", **given)


@pytest.mark.parametrize(
    ("base", "namespace", "full"),
    [
        (None, "", "/"),
        (None, "robot", "/robot"),
        (None, "/robot/", "/robot"),
        ("robot", "", "/robot"),
        ("/robot", "arm", "/robot/arm"),
        ("/", "arm", "/arm"),
        ("robot", "/arm", "/arm"),
        ("robot", None, "/robot"),
        (None, None, None),
    ],
)
def test_namespaces_are_joined(module: Import, base: str | None, namespace: str | None, full: str | None) -> None:
    utilities = module("launch_ros.utilities")
    assert utilities.make_namespace_absolute(utilities.prefix_namespace(base, namespace)) == full
