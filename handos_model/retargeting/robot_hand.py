"""`RobotHand`: a robot hand that is ready to follow a hand: robot file and URDF, checked against each other."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness
from handos_model.retargeting.dexi_retargeter import DexiRetargeter
from handos_model.retargeting.grip import DEFAULT_GRIP, GripCalibration
from handos_model.retargeting.gripper import GripperRetargeter, GripperSettings
from handos_model.retargeting.retargeter import Retargeter
from handos_model.retargeting.robot_check import check_gripper, check_hand, check_joint_order
from handos_model.retargeting.robot_file import RobotFile, find_robot, read_robot_file
from handos_model.retargeting.robot_model import RobotModel
from handos_model.retargeting.settings import RetargetingSettings
from handos_model.retargeting.urdf import read_urdf, rotation_from_rpy


@dataclass(frozen=True)
class RobotHand:
    """A robot hand, or a gripper, of one side."""

    name: str
    """Such as ``leap_right``."""
    side: Handedness
    """Of the operator's hands that it follows."""
    model: RobotModel
    settings: RetargetingSettings | GripperSettings
    joint_names: tuple[str, ...]
    """The joints that are commanded, in the robot's joint order."""
    hand_rotation: Float64Array
    """(3, 3) from the hand frame (see `hand_frame.py`) to that of the root link."""

    @property
    def limits(self) -> Float64Array:
        """(J, 2) lower and upper limit of `joint_names`, radians or metres."""
        return self.model.limits(self.joint_names)

    @property
    def max_velocities(self) -> tuple[float | None, ...]:
        """(J) of `joint_names`, radians or metres per second; ``None`` where the URDF does not say."""
        return tuple(self.model.joint[name].max_velocity for name in self.joint_names)

    @property
    def tip_links(self) -> dict[str, int]:
        """Links at fingertips, with the hand's joint (see `JOINT_NAMES`) that each follows."""
        if isinstance(self.settings, GripperSettings):
            return dict(zip(self.settings.tip_links, (4, 8), strict=False))
        return self.settings.tip_links

    def retargeter(self, calibration: GripCalibration = DEFAULT_GRIP) -> Retargeter:
        """A new retargeter, for one hand.

        Parameters
        ----------
        calibration
            Apertures at which a gripper is open and closed.

        Raises
        ------
        ValueError
            If dexi-rs is not installed.
        """
        if isinstance(self.settings, GripperSettings):
            return GripperRetargeter(self.settings, self.side, calibration)
        return DexiRetargeter(self.settings, self.model, self.joint_names, self.side, self.hand_rotation)


def load_robot_hand(
    robot: str, side: Handedness | None = None, urdf: Path | None = None, retargeting_type: str | None = None
) -> RobotHand:
    """A robot hand, its description checked.

    Parameters
    ----------
    robot
        A name of `robot_names` with or without its side, or the path of a YAML file: HandOS's or dex-retargeting's.
    side
        Needed where neither the name nor the file says it.
    urdf
        The robot's URDF file, or the folder that `urdf_path` of the robot file is in; ``None``: that of the robot file.
    retargeting_type
        ``vector``, ``dexpilot`` or ``position`` in place of the robot file's.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If robot file or URDF are wrong or do not fit each other.
    """
    file = read_robot_file(find_robot(robot, side), retargeting_type)
    model = read_urdf(_urdf_path(file, urdf))
    chosen = _side(file, side)
    rotation = np.eye(3) if file.hand_frame_rpy is None else rotation_from_rpy(file.hand_frame_rpy)
    if isinstance(file.settings, GripperSettings):
        check_gripper(file.settings, model)
        moved = file.settings.joints
    else:
        check_hand(file.settings, model, chosen, rotation)
        moved = _moved_joints(file.settings, model)
    if file.joint_order is not None:
        check_joint_order(file.joint_order, moved, model)
    return RobotHand(file.name, chosen, model, file.settings, file.joint_order or moved, rotation)


def _urdf_path(file: RobotFile, urdf: Path | None) -> Path:
    named = Path(file.settings.urdf_path.strip())
    path = (file.path.parent / named if urdf is None else urdf).expanduser()
    if urdf is not None and path.is_dir():
        path = path / named
    if path.is_file():
        return path
    source = "" if file.urdf_source is None else f"; published as {file.urdf_source}"
    copy = _library_folder()
    brought = "" if copy is None or not (copy / named).is_file() else f"; dexi-rs brings a copy, in {copy}"
    raise FileNotFoundError(
        f"robot description {path} of robot '{file.name}' does not exist: give its URDF file, or the folder that "
        f"{named} is in{source}{brought}"
    )


def _library_folder() -> Path | None:
    """The folder of the URDFs that dexi-rs brings; ``None`` if it is not installed."""
    library = find_spec("dexi_rs")
    if library is None or library.origin is None:
        return None
    return Path(library.origin).parent / "resources/assets/robots/hands"


def _side(file: RobotFile, side: Handedness | None) -> Handedness:
    if file.side is not None and side not in (None, file.side):
        raise ValueError(f"robot file {file.path} is for the {file.side} hand, not the {side} one: choose the other")
    chosen = file.side or side
    if chosen is None:
        raise ValueError(f"robot file {file.path} does not say whose side it is: give the side, left or right")
    return chosen


def _moved_joints(settings: RetargetingSettings, model: RobotModel) -> tuple[str, ...]:
    if settings.target_joint_names is not None:
        return settings.target_joint_names
    if settings.ignore_mimic_joint:
        return tuple(joint.name for joint in model.joints if joint.kind != "fixed")
    return model.independent_joints
