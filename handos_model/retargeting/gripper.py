"""Grippers: joints between open and closed, as far as thumb and index finger are."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import numpy as np

from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.hand.hand import Handedness
from handos_model.retargeting.grip import DEFAULT_GRIP, GripCalibration, aperture
from handos_model.retargeting.joint_positions import JointPositions

_KEYS: Final = ("urdf_path", "joints", "tip_links")


@dataclass(frozen=True)
class GripperSettings:
    """The section ``gripper:`` of a robot file."""

    urdf_path: str
    joints: tuple[str, ...]
    open: Float64Array
    """(J,) positions of the joints of the open gripper, and of the closed one, radians or metres:"""
    closed: Float64Array
    tip_links: tuple[str, ...] = ()
    """The links at the tips of the fingers."""


class GripperRetargeter:
    """Opens and closes a gripper as the distance of the tips of thumb and index finger says."""

    def __init__(
        self, settings: GripperSettings, side: Handedness, calibration: GripCalibration = DEFAULT_GRIP
    ) -> None:
        self._settings, self._side = settings, side
        self.calibration = calibration
        """May be changed between two hands."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the gripper's joints."""
        return self._settings.joints

    def __call__(self, joints_3d: FloatArray | Float64Array, handedness: Handedness) -> JointPositions:
        """Positions of the gripper's joints for a hand; parameters and errors are those of `Retargeter`."""
        require_side(handedness, self._side)
        closing = self.calibration.closing(aperture(joints_3d))
        opened, closed = self._settings.open, self._settings.closed
        return JointPositions(self.joint_names, opened + closing * (closed - opened))

    def reset(self) -> None:
        """A gripper's positions depend on no earlier hand."""


def require_side(handedness: Handedness, side: Handedness) -> None:
    """Raise `ValueError` unless a hand is of the robot's side."""
    if handedness != side:
        raise ValueError(f"a {handedness} hand was given to the robot of the {side} hand: use one robot for each side")


def parse_gripper(entries: Any, source: str) -> GripperSettings:
    """The settings of a ``gripper:`` section.

    Raises
    ------
    ValueError
        If a key is unknown or missing, or a value is of the wrong kind; `source` is named.
    """
    try:
        if not isinstance(entries, Mapping):
            raise ValueError("must hold urdf_path and joints")
        for key in entries:
            if key not in _KEYS:
                raise ValueError(f"unknown key '{key}': did you mean {get_close_matches(str(key), _KEYS, 1, 0.0)[0]}?")
        if not isinstance(entries.get("urdf_path"), str):
            raise ValueError("urdf_path is missing: give the URDF file of the gripper")
        joints = entries.get("joints")
        if not isinstance(joints, Mapping) or not joints:
            raise ValueError("joints is missing: give each joint with its positions {open: ..., closed: ...}")
        positions = [_positions(str(name), values) for name, values in joints.items()]
        opened, closed = np.array(positions, np.float64).T
        tips = tuple(str(link) for link in entries.get("tip_links") or ())
    except ValueError as error:
        raise ValueError(f"robot file {source}: gripper: {error}") from error
    return GripperSettings(entries["urdf_path"], tuple(str(name) for name in joints), opened, closed, tips)


def _positions(name: str, values: Any) -> tuple[float, float]:
    """Open and closed position of a joint."""
    try:
        opened, closed = float(values["open"]), float(values["closed"])
    except (TypeError, KeyError, ValueError, IndexError):
        opened = closed = np.nan
    if not np.isfinite([opened, closed]).all() or opened == closed:
        raise ValueError(f"joint '{name}' has {values!r}: give two different numbers, {{open: ..., closed: ...}}")
    return opened, closed
