"""Message types by their names, and their definitions as `ros2 bag record` embeds them into a bag."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory

SEPARATOR = "=" * 80
FIELD_TYPE = re.compile(r"^\s*([a-zA-Z0-9_/]+)(?:\[[^\]]*\])?\s+", re.MULTILINE)
INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
PRIMITIVE_TYPES = {"bool", "byte", "char", "float32", "float64", "string"} | INTEGERS


def message_class(message_type: str) -> Any:
    """Class of a message type, for example of `std_msgs/msg/Header`."""
    package, _, name = message_type.split("/")
    return getattr(import_module(f"{package}.msg"), name)


def embedded_definition(message_type: str) -> str:
    """The installed .msg file of a type, followed by those of all types that occur in it."""
    return _with_dependencies(message_type, set())


def _with_dependencies(message_type: str, embedded: set[str]) -> str:
    text = _installed_file(message_type).read_text(encoding="utf-8")
    definition = text
    for dependency in _field_types(text, message_type.partition("/")[0]):
        if dependency not in embedded:
            embedded.add(dependency)
            definition += f"\n{SEPARATOR}\nMSG: {dependency}\n{_with_dependencies(dependency, embedded)}"
    return definition


def _installed_file(message_type: str) -> Path:
    package, _, name = message_type.replace("/msg/", "/").partition("/")
    return Path(get_package_share_directory(package), "msg", f"{name}.msg")


def _field_types(text: str, package: str) -> list[str]:
    names = set(FIELD_TYPE.findall(text)) - PRIMITIVE_TYPES
    return sorted(name if "/" in name else f"{package}/{name}" for name in names)
