"""Finds the files of the robot hands that the node's parameters name."""

import re
from pathlib import Path
from typing import Final

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from handos_model.hand.hand import Handedness
from handos_model.retargeting.robot_hand import RobotHand, load_robot_hand
from handos_ros.retarget.parameters import RetargetParameters

_PACKAGE: Final = "package://"
_FILE_NAME: Final = re.compile(r"""\bfilename\s*=\s*(?P<quote>["'])(?P<name>.+?)(?P=quote)""")


def load_robot(side: Handedness, parameters: RetargetParameters) -> RobotHand:
    """The robot hand of a side.

    Raises
    ------
    OSError, ValueError
        If its files do not exist, are wrong, or do not fit each other.
    """
    urdf = parameters.urdf(side)
    kind = parameters.retargeting_type or None
    return load_robot_hand(parameters.robot(side), side, urdf_path(urdf) if urdf else None, kind)


def robot_description(robot: RobotHand) -> str:
    """The URDF of a robot hand, its meshes where other programs find them: files are named by their full path."""
    source = Path(robot.model.source)
    return _FILE_NAME.sub(lambda match: _with_full_path(match, source.parent), source.read_text(encoding="utf-8"))


def _with_full_path(match: "re.Match[str]", folder: Path) -> str:
    name = match["name"]
    return match[0] if "://" in name else match[0].replace(name, (folder / name).resolve().as_uri())


def urdf_path(urdf: str) -> Path:
    """Path of a file or folder; package://PACKAGE/PATH is below the package's share folder.

    Raises
    ------
    ValueError
        If the package is not installed.
    """
    if not urdf.startswith(_PACKAGE):
        return Path(urdf).expanduser()
    package, _, path = urdf.removeprefix(_PACKAGE).partition("/")
    try:
        return Path(get_package_share_directory(package)) / path
    except (PackageNotFoundError, ValueError) as error:
        raise ValueError(f"{urdf}: the package '{package}' is not installed in this workspace: source it") from error
