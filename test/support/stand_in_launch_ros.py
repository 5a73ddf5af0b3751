"""Stands in for launch_ros, which is not on PyPI: the parts that launch files here use.

Like the real one it converts substitutions only, checks everything else, and starts processes with ROS's arguments.
`test_stand_in_launch.py` compares both.
"""

import logging
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import stand_in_launch
import yaml
from ament_index_python.packages import get_package_prefix
from rclpy.validate_namespace import validate_namespace
from stand_in_launch import Action, LaunchConfiguration, LaunchContext, SubstitutionFailure, check_text, performed

SCALARS = (bool, int, float, str)


class ParameterValue:
    """A parameter with its type: substitutions are converted, everything else is only checked."""

    def __init__(self, value: Any, *, value_type: type | None = None) -> None:
        if isinstance(value, SCALARS) and value_type is not None and not isinstance(value, value_type):
            raise TypeError(f"value='{value}' is not an instance of {value_type}")
        self.value, self.value_type = value, value_type

    def evaluate(self, context: LaunchContext) -> Any:
        if isinstance(self.value, SCALARS):
            return self.value
        text = performed(context, self.value)
        if self.value_type in (str, int, float):
            return self.value_type(text)
        value = yaml.safe_load({"1": "true", "0": "false"}.get(text, text) if self.value_type is bool else text)
        if self.value_type is bool and not isinstance(value, bool):
            raise ValueError(f"Cannot convert value '{text}' to '{self.value_type}'")
        return value


class Node(Action):
    """A process with ROS's arguments."""

    def __init__(
        self,
        *,
        executable: str,
        package: str,
        name: str | None = None,
        namespace: Any = None,
        exec_name: str | None = None,
        parameters: list[Any] | None = None,
        remappings: Sequence[tuple[str, Any]] = (),
        ros_arguments: Iterable[str] = (),
        arguments: Iterable[str] = (),
        output: str = "log",
        prefix: str | None = None,
        additional_env: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(parameters, list | None):
            raise TypeError(f"parameters: expected a list, got {type(parameters)}")
        for given in parameters or ():
            _check_parameters(given)
        for pair in remappings:
            check_text(pair)
        self.package, self.executable, self.name, self.namespace = package, executable, name, namespace
        self.parameters, self.remappings = parameters or [], [(name, topic) for name, topic in remappings]
        self.ros_arguments, self.arguments = list(ros_arguments), list(arguments)
        self.prefix, self.environment = prefix, dict(additional_env or {})

    def execute(self, context: LaunchContext) -> None:
        program = Path(get_package_prefix(self.package), "lib", self.package, self.executable)
        if not program.is_file():
            raise SubstitutionFailure(f"executable '{self.executable}' not found on the libexec directory")
        ros = [*self.ros_arguments, "--ros-args"]
        if self.name is not None:
            ros += ["-r", f"__node:={self.name}"]
        if self.namespace is not None:
            namespace = "/" + performed(context, self.namespace).strip("/")
            validate_namespace(namespace)
            ros += ["-r", f"__ns:={namespace}"]
        node = f"{namespace.rstrip('/')}/{self.name}" if self.name is not None and self.namespace is not None else "/**"
        ros += [word for given in self.parameters for word in _parameter_arguments(context, node, given)]
        for name, topic in self.remappings:
            ros += ["-r", f"{performed(context, name)}:={performed(context, topic)}"]
        prefix = self.prefix if self.prefix is not None else context.launch_configurations.get("launch-prefix", "")
        command = [*shlex.split(prefix), str(program), *self.arguments, "--ros-args", *ros]
        subprocess.run(command, env=os.environ | self.environment, check=False)


class LifecycleNode(Node):
    """A managed node, whose name and namespace must be given."""

    def __init__(self, *, name: str, namespace: Any, **others: Any) -> None:
        super().__init__(name=name, namespace=namespace, **others)


def _check_parameters(given: Any) -> None:
    if not isinstance(given, Mapping):
        check_text(str(given) if isinstance(given, Path) else given)
        return
    for value in given.values():
        is_list = isinstance(value, list | tuple) and all(isinstance(entry, SCALARS) for entry in value)
        if not (is_list or isinstance(value, (*SCALARS, ParameterValue, LaunchConfiguration))):
            raise TypeError(f"Unexpected type for parameter value {value!r}")


def _parameter_arguments(context: LaunchContext, node: str, given: Any) -> Iterator[str]:
    if isinstance(given, Mapping):
        values = {name: _evaluated(context, value) for name, value in given.items()}
        with tempfile.NamedTemporaryFile("w", prefix="launch_params_", delete=False) as file:
            yaml.dump({node: {"ros__parameters": values}}, file)
        yield from ("--params-file", file.name)
    else:
        path = str(given) if isinstance(given, Path) else performed(context, given)
        if Path(path).is_file():
            yield from ("--params-file", path)
        else:  # as the real one: the node starts without it
            logging.getLogger("launch_ros").warning("Parameter file path is not a file: %s", path)


def _evaluated(context: LaunchContext, value: Any) -> Any:
    if isinstance(value, ParameterValue):
        return value.evaluate(context)
    if isinstance(value, LaunchConfiguration):
        return yaml.safe_load(value.perform(context) or "''")  # where no type is given, YAML's rules decide
    return list(value) if isinstance(value, tuple) else value


def prefix_namespace(base: str | None, namespace: str | None) -> str | None:
    """A namespace below another one, unless it begins with a slash."""
    if namespace is None or not base or namespace.startswith("/"):
        joined = base if namespace is None else namespace
    else:
        joined = f"{base.rstrip('/')}/{namespace}"
    return joined if joined in (None, "/") else joined.rstrip("/")


def make_namespace_absolute(namespace: str | None) -> str | None:
    """A namespace with a slash in front."""
    return namespace if namespace is None or namespace.startswith("/") else f"/{namespace}"


def stand_in_modules() -> dict[str, ModuleType]:
    """The modules of both by name, for `sys.modules`."""
    launch = {name: value for name, value in vars(stand_in_launch).items() if not name.startswith("_")}
    contents: dict[str, dict[str, Any]] = {
        "launch": launch,
        "launch.actions": launch,
        "launch.launch_description_sources": launch,
        "launch.logging": {"get_logger": logging.getLogger, "launch_config": stand_in_launch.LaunchConfig()},
        "launch.substitutions": launch,
        "launch_ros": {},
        "launch_ros.actions": _named(LifecycleNode, Node),
        "launch_ros.parameter_descriptions": _named(ParameterValue),
        "launch_ros.utilities": _named(make_namespace_absolute, prefix_namespace),
    }
    modules = {name: ModuleType(name) for name in contents}
    for name, module in modules.items():
        vars(module).update(contents[name])
    return modules


def _named(*things: Any) -> dict[str, Any]:
    return {thing.__name__: thing for thing in things}
