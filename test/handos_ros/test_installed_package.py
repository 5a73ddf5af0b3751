"""What colcon installs: all that the executables need, and no training code."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import UnionType
from typing import get_type_hints

import pytest
from ament_index_python import get_resource
from ament_index_python.packages import get_package_prefix, get_package_share_directory
from node_process import Client

from handos_ros.listener.node import listen
from handos_ros.msg import HandArray
from handos_ros.player import play

ROOT = Path(__file__).parents[2]
PREFIX = Path(get_package_prefix("handos_ros"))
(PACKAGES,) = [path.parents[1] for path in PREFIX.glob("**/handos_model/__init__.py") if "build" not in path.parts]
EXECUTABLES = sorted((PREFIX / "lib/handos_ros").iterdir())
STARTED = [re.findall(r"^from (\S+) import main$", path.read_text(), re.MULTILINE)[0] for path in EXECUTABLES]
"""The modules that the executables start."""
MODULE_NAME = re.compile(r"handos_model(\.\w+)+")


def installed_environment() -> dict[str, str]:
    """An environment in which Python finds the installed package, and not the checkout."""
    others = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if Path(entry) != ROOT]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGES), *others])}


def file_of(module: str) -> Path | None:
    """Where a module is installed; ``None``: nowhere."""
    path = PACKAGES.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def named_modules(file: Path) -> Iterator[str]:
    """This project's modules that a file imports anywhere, on first use too, or names in a string."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module
            submodules = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (module for module in submodules if file_of(module) is not None)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and MODULE_NAME.fullmatch(node.value):
            yield node.value


def missing_modules(start: str) -> set[str]:
    """Modules of this project that `start` may import, directly or not, and that are not installed."""
    found, missing, waiting = set[str](), set[str](), [start]
    while waiting:
        module = waiting.pop()
        if module in found | missing or module.partition(".")[0] not in ("handos_ros", "handos_model"):
            continue
        file = file_of(module)
        if file is None:
            missing.add(module)
        else:
            found.add(module)
            waiting += named_modules(file)
    assert len(found) > 1, f"{start} imports nothing: does this test still read its imports?"
    return missing


def test_every_executable_has_its_name_and_may_be_executed() -> None:
    assert [path.name for path in EXECUTABLES] == ["handos_listener", "handos_node", "handos_player", "handos_retarget"]
    assert all(os.access(path, os.X_OK) for path in EXECUTABLES)


def test_pip_installs_none_of_them_because_it_builds_no_messages() -> None:
    assert re.search(r'^\w+ = "handos_ros\.', (ROOT / "pyproject.toml").read_text(), re.MULTILINE) is None


@pytest.mark.parametrize("module", STARTED)
def test_whatever_an_executable_may_import_is_installed(module: str) -> None:
    assert missing_modules(module) == set()


@pytest.mark.parametrize("module", STARTED)
def test_an_executable_imports_from_the_installed_package_only(module: str, tmp_path: Path) -> None:
    program = (
        f"import {module}, sys;"
        "print(*(module.__file__ for name, module in sys.modules.items() if name.startswith('handos_')), sep='\\n')"
    )
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, env=installed_environment(), cwd=tmp_path, check=True, capture_output=True)
    files = answer.stdout.decode().split()
    assert files
    assert [file for file in files if not Path(file).is_relative_to(PACKAGES)] == []


def test_training_evaluation_and_commands_stay_out() -> None:
    installed = {path.name for path in (PACKAGES / "handos_model").iterdir()}
    assert installed.isdisjoint({"commands", "datasets", "evaluation", "synthesis", "training"})
    assert not list(Path(get_package_share_directory("handos_ros")).rglob("train_*.yaml"))


def test_launch_files_configuration_and_weights_are_installed() -> None:
    share = Path(get_package_share_directory("handos_ros"))
    for folder, pattern in (("launch", "*.launch.py"), ("config", "handos*")):
        expected = {path.name for path in (ROOT / folder).glob(pattern)}
        assert expected
        assert expected <= {path.name for path in (share / folder).iterdir()}
    assert list((PACKAGES / "handos_model/weights").glob("*.onnx"))


def test_the_ament_index_knows_the_package_and_its_messages() -> None:
    messages, _ = get_resource("rosidl_interfaces", "handos_ros")
    expected = {f"msg/{path.name}" for path in (ROOT / "msg").glob("*.msg")}
    assert expected <= set(messages.split())
    dependencies, _ = get_resource("package_run_dependencies", "handos_ros")
    assert {"rclpy", "sensor_msgs", "launch_ros"} <= set(dependencies.split(";"))


@pytest.mark.parametrize("command", [listen, play])
def test_options_have_types_that_the_typer_of_ubuntu_understands(command: Callable[..., None]) -> None:
    assert not any(isinstance(hint, UnionType) for hint in get_type_hints(command).values())


def test_installed_player_and_node_find_the_hands_of_the_demo_clip(tmp_path: Path) -> None:
    client = Client()
    received = client.collect(HandArray, "/handos/hands")
    with ExitStack() as running:
        for name, arguments in (("handos_node", ()), ("handos_player", (ROOT / "demo/clip.mp4", "--wait-for", 1))):
            command = [str(PREFIX / "lib/handos_ros" / name), *map(str, arguments)]
            log = running.enter_context((tmp_path / name).open("wb"))
            process = subprocess.Popen(
                command, env=installed_environment(), cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT
            )
            running.callback(process.wait)
            running.callback(process.kill)
        client.until(lambda: any(message.hands for message in received))
    client.close()
    message = next(message for message in received if message.hands)
    assert message.header.frame_id == "camera_optical_frame"
    assert all(len(hand.joints_2d) == 2 * 21 for hand in message.hands)
