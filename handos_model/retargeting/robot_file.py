"""Robot files: which robot hands there are, and what their YAML files say."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness
from handos_model.retargeting.gripper import GripperSettings, parse_gripper
from handos_model.retargeting.settings import RetargetingSettings, parse_settings

_INSTALLED_BY_COLCON: Final = Path("share/handos_ros/config/robots")
_SECTIONS: Final = ("robot", "retargeting", "gripper")
_ROBOT_KEYS: Final = ("name", "side", "urdf_source", "joint_order", "hand_frame_rpy")


@dataclass(frozen=True)
class RobotFile:
    """What a robot file says. The section ``robot:`` is HandOS's own and optional; dex-retargeting ignores it."""

    path: Path
    name: str
    """Of the robot and side, such as ``leap_right``."""
    side: Handedness | None
    """``None`` if the file does not say."""
    settings: RetargetingSettings | GripperSettings
    """Sections ``retargeting:`` and ``gripper:``, of which a file has one."""
    urdf_source: str | None = None
    """Where the URDF with these names is published."""
    joint_order: tuple[str, ...] | None = None
    """Order of the joints that the robot's driver expects; ``None``: that of the URDF."""
    hand_frame_rpy: Float64Array | None = None
    """(3,) roll, pitch, yaw of the hand frame (see `hand_frame.py`) in the frame of the URDF's root link, radians;
    ``None``: they are the same."""


def robots_folder() -> Path:
    """Folder of the robot files that come with HandOS.

    Raises
    ------
    FileNotFoundError
        If the installation has none.
    """
    here = Path(__file__).resolve()
    installed_by_pip, checkout = here.with_name("robots"), here.parents[2] / "config/robots"
    for folder in (installed_by_pip, checkout, *(parent / _INSTALLED_BY_COLCON for parent in here.parents)):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"no folder {installed_by_pip}, and no {_INSTALLED_BY_COLCON} above it: reinstall HandOS, or name a robot file "
        "(.yaml)"
    )


def robot_names() -> tuple[str, ...]:
    """Names of the robot hands that come with HandOS, such as ``leap_right``."""
    return tuple(sorted(path.stem for path in robots_folder().glob("*.yaml")))


def find_robot(robot: str, side: Handedness | None = None) -> Path:
    """The file of a robot hand.

    Parameters
    ----------
    robot
        A name of `robot_names` with or without its side, or the path of a YAML file.
    side
        Decides where `robot` has no side.

    Raises
    ------
    FileNotFoundError
        If `robot` is a path and there is no such file.
    ValueError
        If there is no robot of this name.
    """
    if robot.endswith((".yaml", ".yml")):
        path = Path(robot).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"robot file {path} does not exist: give a YAML file, or one of {_listed()}")
        return path
    names = robot_names()
    found = robot if robot in names else f"{robot}_{side}"
    if found not in names:
        nearest = get_close_matches(found, names, n=3, cutoff=0.0)
        raise ValueError(
            f"there is no robot '{robot}'{'' if side is None else f' for the {side} hand'}: did you mean "
            f"{' or '.join(nearest)}? Known are {_listed()}, and any YAML file of dex-retargeting"
        )
    return robots_folder() / f"{found}.yaml"


def read_robot_file(path: Path, retargeting_type: str | None = None) -> RobotFile:
    """What a robot file says; YAML files of dex-retargeting are robot files without the section ``robot:``.

    Parameters
    ----------
    path
        YAML file.
    retargeting_type
        Takes the place of the file's `type`.

    Raises
    ------
    ValueError
        If it is no YAML, or a key or value is wrong.
    """
    sections = _sections(path)
    robot = sections.get("robot") or {}
    try:
        _require_known(robot, _ROBOT_KEYS)
        side = robot.get("side")
        if side not in (None, "left", "right"):
            raise ValueError(f"side is {side!r}: give left or right")
        order = robot.get("joint_order")
        if order is not None and not (isinstance(order, list) and order):
            raise ValueError(f"joint_order is {order!r}: give a list of joint names")
        rpy = _rpy(robot.get("hand_frame_rpy"))
    except ValueError as error:
        raise ValueError(f"robot file {path}: robot: {error}") from error
    gripper = "gripper" in sections
    settings = (
        parse_gripper(sections["gripper"], str(path))
        if gripper
        else parse_settings(sections["retargeting"], str(path), retargeting_type)
    )
    return RobotFile(
        path=path,
        name=path.stem,
        side=side,
        settings=settings,
        urdf_source=robot.get("urdf_source"),
        joint_order=None if order is None else tuple(str(name) for name in order),
        hand_frame_rpy=rpy,
    )


def _sections(path: Path) -> Mapping[str, Any]:
    try:
        sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"robot file {path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(sections, Mapping) or not ("retargeting" in sections) ^ ("gripper" in sections):
        raise ValueError(f"robot file {path} needs either a section `retargeting:` or a section `gripper:`")
    return sections


def _require_known(entries: Any, known: tuple[str, ...]) -> None:
    if not isinstance(entries, Mapping):
        raise ValueError(f"must hold keys such as {known[0]} and {known[1]}")
    for key in entries:
        if key not in known:
            nearest = get_close_matches(str(key), known, n=1, cutoff=0.0)
            raise ValueError(f"unknown key '{key}': did you mean {nearest[0]}?")


def _rpy(value: Any) -> Float64Array | None:
    if value is None:
        return None
    try:
        angles = np.array(value, np.float64)
    except (TypeError, ValueError):
        angles = np.empty(0)
    if angles.shape != (3,) or not np.isfinite(angles).all():
        raise ValueError(f"hand_frame_rpy is {value!r}: give roll, pitch and yaw in radians")
    return angles


def _listed() -> str:
    return ", ".join(robot_names())
