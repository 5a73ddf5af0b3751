"""Launch arguments and parameter file: which robot hands the node `retarget` is to command."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import yaml

from handos_model.retargeting.robot_hand import RobotHand
from handos_ros.outputs.sides import SIDES
from handos_ros.retarget.parameters import RetargetParameters
from handos_ros.retarget.robot_files import load_robot

NO_ROBOT: Final = "none"
"""Value of an argument: no robot hand on that side."""
_DEFAULTS: Final[dict[str, Any]] = {entry.name: entry.default for entry in fields(RetargetParameters)}
_NAMES: Final = tuple(f"{side}_{kind}" for side in SIDES for kind in ("robot", "urdf"))


def robot_parameters(given: Mapping[str, str], file: Path, node: str) -> dict[str, str]:
    """Robots and URDFs of both sides, as parameters of the node.

    Parameters
    ----------
    given
        Arguments robot, left_robot, right_robot, left_urdf and right_urdf; empty: the file's value. A robot that is
        given brings its own URDF, not the file's.
    file
        Parameter file of the node.
    node
        Its full name.

    Raises
    ------
    ValueError
        If the file is no parameter file.
    """
    values = _robots_in_file(file, node)
    for side in SIDES:
        robot, urdf = given[f"{side}_robot"] or given["robot"], given[f"{side}_urdf"]
        if robot:
            values |= {f"{side}_robot": "" if robot == NO_ROBOT else robot, f"{side}_urdf": ""}
        if urdf:
            values[f"{side}_urdf"] = urdf
    return values


def load_robots(values: Mapping[str, str]) -> list[RobotHand]:
    """The robot hands that `robot_parameters` names.

    Raises
    ------
    OSError, ValueError
        If there is none, or if files do not exist, are wrong, or do not fit each other.
    """
    parameters = RetargetParameters(**values)  # type: ignore[arg-type]
    parameters.check_together()
    return [load_robot(side, parameters) for side in SIDES if parameters.robot(side)]


def _robots_in_file(file: Path, node: str) -> dict[str, str]:
    """What a parameter file says about robots, later and more special sections last."""
    try:
        sections: Any = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"parameter file {file} is no YAML: {' '.join(str(error).split())}") from error
    name = node.rpartition("/")[2]
    values: dict[str, str] = {name: _DEFAULTS[name] for name in _NAMES}
    for section in ("/**", f"/**/{name}", name, node[1:], node):
        parameters = sections.get(section, {}).get("ros__parameters", {}) if isinstance(sections, dict) else {}
        values |= {name: str(parameters[name]) for name in _NAMES if name in parameters}
    return values
