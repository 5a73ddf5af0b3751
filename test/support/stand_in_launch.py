"""Stands in for launch, which is not on PyPI: the parts that launch files here use.

It refuses what the real one refuses. Its service visits everything in order and waits for each process.
`test_stand_in_launch.py` compares both.
"""

import importlib.util
import logging
import os
from collections.abc import Callable, Iterable
from typing import Any


class SubstitutionFailure(Exception):  # noqa: N818  launch's own name
    """A substitution without a value."""


class LaunchContext:
    """What actions share."""

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self.argv = argv if argv is not None else []
        self.noninteractive = noninteractive
        self.launch_configurations: dict[str, str] = {}

    @property
    def environment(self) -> Any:
        return os.environ


class LaunchConfiguration:
    """Substitution: the value of an argument."""

    def __init__(self, variable_name: str, *, default: Any = None) -> None:
        self.name, self.default = variable_name, default

    def perform(self, context: LaunchContext) -> str:
        if self.name in context.launch_configurations:
            return context.launch_configurations[self.name]
        if self.default is None:
            raise SubstitutionFailure(f"launch configuration '{self.name}' does not exist")
        return str(self.default)


def check_text(value: Any) -> None:
    """Raise TypeError if a value is no text, substitution, or list of both."""
    if not isinstance(value, str | LaunchConfiguration):
        if not isinstance(value, Iterable):
            raise TypeError(f"neither text nor substitution: {value!r}")
        for part in value:
            check_text(part)


def performed(context: LaunchContext, value: Any) -> str:
    """The text of a substitution, of a text, or of a list of both."""
    check_text(value)
    if isinstance(value, str):
        return value
    if isinstance(value, LaunchConfiguration):
        return value.perform(context)
    return "".join(performed(context, part) for part in value)


class Action:
    """Something that is visited once."""

    def execute(self, context: LaunchContext) -> "list[Action] | None":
        raise NotImplementedError


class LaunchDescription(Action):
    """Actions in order."""

    def __init__(self, initial_entities: Iterable[Action] | None = None) -> None:
        self.entities = list(initial_entities or ())

    def execute(self, context: LaunchContext) -> list[Action]:
        return self.entities

    def get_launch_arguments(self) -> "list[DeclareLaunchArgument]":
        return [entity for entity in self.entities if isinstance(entity, DeclareLaunchArgument)]


class DeclareLaunchArgument(Action):
    """An argument; without a default it is required."""

    def __init__(
        self,
        name: str,
        *,
        default_value: str | None = None,
        description: str | None = None,
        choices: list[str] | None = None,
    ) -> None:
        if choices is not None and (not choices or default_value not in (None, *choices)):
            raise RuntimeError(f'Provided default_value "{default_value}" is not in provided choices "{choices}".')
        self.name, self.choices = name, choices
        self.default_value = default_value
        self.description = description or "no description given"

    def execute(self, context: LaunchContext) -> None:
        if self.name not in context.launch_configurations:
            if self.default_value is None:
                raise RuntimeError(f'Required launch argument "{self.name}" was not provided.')
            context.launch_configurations[self.name] = performed(context, self.default_value)
        value = context.launch_configurations[self.name]
        if self.choices is not None and value not in self.choices:
            raise RuntimeError(f'Argument "{self.name}" provided value "{value}" is not valid.')


class SetLaunchConfiguration(Action):
    """Gives an argument a value, declared or not."""

    def __init__(self, name: str, value: Any) -> None:
        self.name, self.value = name, value

    def execute(self, context: LaunchContext) -> None:
        context.launch_configurations[self.name] = performed(context, self.value)


class OpaqueFunction(Action):
    """Calls a function, and visits the actions that it returns."""

    def __init__(self, *, function: Callable[..., Any], args: Iterable[Any] = (), kwargs: Any = None) -> None:
        if not callable(function):
            raise TypeError(f"OpaqueFunction expected a callable for 'function', got '{type(function)}'")
        self.function, self.args, self.kwargs = function, args, kwargs or {}

    def execute(self, context: LaunchContext) -> list[Action] | None:
        return self.function(context, *self.args, **self.kwargs)


class AnyLaunchDescriptionSource:
    """A launch file."""

    def __init__(self, launch_file_path: str) -> None:
        self.path = launch_file_path

    def get_launch_description(self, context: LaunchContext) -> LaunchDescription:
        spec = importlib.util.spec_from_file_location("launch_file", self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.generate_launch_description()


class IncludeLaunchDescription(Action):
    """Visits another launch file; its arguments are set first, and stay set."""

    def __init__(
        self, launch_description_source: AnyLaunchDescriptionSource, *, launch_arguments: Iterable[tuple[str, Any]] = ()
    ) -> None:
        self.source, self.arguments = launch_description_source, list(launch_arguments)

    def execute(self, context: LaunchContext) -> list[Action]:
        settings = [SetLaunchConfiguration(name, value) for name, value in self.arguments]
        return [*settings, self.source.get_launch_description(context)]


class LaunchService:
    """Visits launch descriptions; an exception ends it with 1 and one line in the log."""

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self.context = LaunchContext(argv=argv, noninteractive=noninteractive)
        self._descriptions: list[LaunchDescription] = []

    def include_launch_description(self, description: LaunchDescription) -> None:
        self._descriptions.append(description)

    def run(self) -> int:
        try:
            for description in self._descriptions:
                self._visit(description)
        except Exception as error:
            logging.getLogger("launch").error("Caught exception in launch (see debug for traceback): %s", error)
            return 1
        return 0

    def _visit(self, action: Action) -> None:
        for child in action.execute(self.context) or ():
            self._visit(child)


class LaunchConfig:
    """Where launch writes its logs."""

    @property
    def log_dir(self) -> str:
        return os.environ["ROS_LOG_DIR"]
