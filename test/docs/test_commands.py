"""Every command in the documentation can be typed: it exists, and so do its options, arguments, topics and files."""

import importlib.util
import re
import sys
from functools import cache
from itertools import product
from typing import Any

import pytest
import typer
import yaml
from documentation import ROOT, Command, commands
from launched_processes import HAS_REAL_LAUNCH, declared_arguments
from stand_in_launch_ros import stand_in_modules

from handos_model.commands.cli import app
from handos_ros.parameter_file import NODES as PARAMETERS
from handos_ros.parameters.parameter_set import rules_of
from handos_ros.topics.descriptions import NODES as TOPICS

ALL = [command for command in commands() if not command.code.is_inline or len(command.words) > 1]


def beginning_with(*words: str) -> list[Command]:
    found = [command for command in ALL if command.words[: len(words)] == words]
    assert found, f"no command in the documentation begins with {words}: is it still read?"
    return found


def alternatives(command: Command) -> list[list[str]]:
    """What a command stands for: [--option] as given, a|b as each of both, ... left out."""
    words = [word.removeprefix("[").removesuffix("]") for word in command.words if word != "..."]
    return [list(each) for each in product(*(word.split("|") for word in words))]


@pytest.mark.parametrize("command", beginning_with("handos"), ids=str)
def test_handos_has_this_command_and_these_options(command: Command) -> None:
    for _, *words in alternatives(command):
        check_named(words) if command.code.is_inline else check_typed(words)


def check_named(words: list[str]) -> None:
    """A command that is mentioned may lack what it needs, but it and its options exist."""
    command, context, rest = resolved(words)
    options = {name for parameter in command.get_params(context) for name in parameter.opts + parameter.secondary_opts}
    assert {word for word in rest if word.startswith("-")} <= options


def check_typed(words: list[str]) -> None:
    """A command that can be typed is complete, and its values are accepted."""
    command, context, rest = resolved(words)
    assert not hasattr(command, "get_command"), f"{context.command_path} needs a command"
    given = ["1" if re.fullmatch("[A-Z]", word) else word for word in rest]  # N stands for a number
    command.make_context(command.name, given, parent=context.parent)


def resolved(words: list[str]) -> tuple[Any, Any, list[str]]:
    """The innermost command, its context, and the words after its name."""
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="handos")
    while words and hasattr(command, "get_command") and not words[0].startswith("-"):
        name, *words = words
        command = command.get_command(context, name)
        assert command is not None, f"there is no command {name}"
        context = command.context_class(command, info_name=name, parent=context)
    return command, context, words


@pytest.fixture
def _launch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch files can be read, also where launch is not installed."""
    if not HAS_REAL_LAUNCH:
        for name, module in stand_in_modules().items():
            monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("_launch")
@pytest.mark.parametrize("command", beginning_with("ros2", "launch", "handos_ros"), ids=str)
def test_the_launch_file_has_these_arguments(command: Command) -> None:
    file = ROOT / "launch" / command.words[3]
    given = {word.partition(":=")[0] for word in command.words[4:]} - {"...", "--show-args"}
    assert given <= declared_arguments(file).keys()


@pytest.mark.parametrize("command", beginning_with("ros2", "run", "handos_ros"), ids=str)
def test_the_package_has_this_executable_and_the_node_these_parameters(command: Command) -> None:
    (modules,) = re.findall(r"foreach\(module (.+)\)", (ROOT / "CMakeLists.txt").read_text())
    assert command.words[3] in {f"handos_{module}" for module in modules.replace(".node", "").split()}
    given = {
        after.partition(":=")[0] for word, after in zip(command.words, command.words[1:], strict=False) if word == "-p"
    }
    assert given <= rules_of(PARAMETERS["handos"].parameters).keys()


@pytest.mark.parametrize("command", beginning_with("ros2", "param", "set"), ids=str)
def test_the_node_has_this_parameter_and_takes_this_value(command: Command) -> None:
    node, name, value = command.words[3:]
    rules_of(PARAMETERS[node.removeprefix("/")].parameters)[name].check(name, yaml.safe_load(value))


@pytest.mark.parametrize("command", beginning_with("ros2"), ids=str)
def test_our_nodes_have_these_topics_and_services(command: Command) -> None:
    named = {word for word in command.words if re.match("/(handos|retarget)/", word)}
    assert named <= topics_and_services()


@cache
def topics_and_services() -> set[str]:
    described = {
        re.sub("^~", f"/{node}", name)
        for node, kinds in TOPICS.items()
        for kind in (kinds.subscribed, kinds.published, kinds.services)
        for name in kind
    }
    return {name.replace("SIDE", side) for name in described for side in ("left", "right")}


@pytest.mark.parametrize("command", beginning_with("make"), ids=str)
def test_the_makefile_has_these_targets_and_variables(command: Command) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in command.words[1:]:
        name, equals, _ = word.partition("=")
        assert re.search(rf"^{name} \??=" if equals else rf"^{name}:", makefile, re.MULTILINE), word


@pytest.mark.parametrize("command", beginning_with("pip", "install"), ids=str)
def test_the_package_has_these_extras(command: Command) -> None:
    named = [re.search(r"(?:^\.|handos)\[(.+)\]", word) for word in command.words]
    extras = {extra for match in named if match for extra in match[1].split(",")}
    table = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1].split("\n[project.")[0]
    assert extras <= set(re.findall(r"^([\w-]+) = \[", table, re.MULTILINE))


PYTHON = beginning_with("python") + beginning_with("scripts/with_ros.sh", "python")


@pytest.mark.parametrize("command", PYTHON, ids=str)
def test_the_module_or_script_exists(command: Command) -> None:
    words = command.words[command.words.index("python") + 1 :]
    if words[:1] == ("-m",):
        assert importlib.util.find_spec(words[1]) is not None
    elif words and words[0] != "-c":
        assert (ROOT / words[0].removeprefix("src/handos/")).is_file()  # which is where a workspace has it


@pytest.mark.parametrize("command", [each for each in ALL if "scripts/" in each.words[0]], ids=str)
def test_the_script_exists(command: Command) -> None:
    assert (ROOT / command.words[0]).is_file()


@pytest.mark.parametrize("command", [each for each in ALL if "pytest" in each.words], ids=str)
def test_the_tests_exist(command: Command) -> None:
    named = [word for word in command.words if word.startswith("test/")]
    assert all((ROOT / name).exists() for name in named)
