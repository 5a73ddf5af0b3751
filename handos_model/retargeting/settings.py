"""The section ``retargeting:`` of a robot file: the format of dex-retargeting's YAML files."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Final, Literal

import numpy as np

from handos_model.geometry.arrays import IntArray
from handos_model.hand.skeleton import JOINT_COUNT

RetargetingType = Literal["vector", "position", "dexpilot"]
RETARGETING_TYPES: Final[tuple[RetargetingType, ...]] = ("vector", "position", "dexpilot")
_MAX_DEXPILOT_FINGERS: Final = 5


@dataclass(frozen=True)
class RetargetingSettings:
    """How a hand's joints become a robot's: names, meaning and defaults are dex-retargeting's."""

    type: RetargetingType
    """vector: vectors between the robot's links are to equal those between the hand's joints. dexpilot: the same
    between all fingertips and the wrist, with fingertips that close when the hand's come near each other. position:
    links are to be where joints are; for recordings rather than teleoperation."""
    urdf_path: str
    target_joint_names: tuple[str, ...] | None = None
    """Joints that are moved; ``None``: all that follow no other."""
    target_link_names: tuple[str, ...] | None = None
    """Links of type position."""
    target_origin_link_names: tuple[str, ...] | None = None
    """Links at which the vectors of type vector begin, and at which they end:"""
    target_task_link_names: tuple[str, ...] | None = None
    target_link_human_indices: IntArray | None = None
    """(2, N) joints of the hand at which vectors begin and end; (N,) for type position. Type dexpilot needs none."""
    wrist_link_name: str | None = None
    """Type dexpilot: the link at the wrist, and those at the fingertips, thumb first:"""
    finger_tip_link_names: tuple[str, ...] | None = None
    scaling_factor: float = 1.0
    """Reach of the stretched robot hand over that of an adult's, from wrist to fingertips."""
    normal_delta: float = 4e-3
    huber_delta: float = 2e-2
    project_dist: float = 0.03
    escape_dist: float = 0.05
    has_joint_limits: bool = True
    ignore_mimic_joint: bool = False
    low_pass_alpha: float = 0.1
    """Smoothing: the fraction of the way to the new positions that each hand moves the joints; 1: none."""
    add_dummy_free_joint: bool = False

    @property
    def human_indices(self) -> IntArray:
        """(2, N) joints of the hand at which the vectors begin and end; (N,) for type position."""
        if self.target_link_human_indices is not None:
            return (
                self.target_link_human_indices.reshape(-1)
                if self.type == "position"
                else self.target_link_human_indices
            )
        if self.type == "dexpilot" and self.finger_tip_link_names is not None:
            return dexpilot_joints(len(self.finger_tip_link_names))
        raise ValueError(f"type {self.type} needs target_link_human_indices")

    @property
    def followed_links(self) -> tuple[str, ...]:
        """The links that follow joints of the hand, in the order of the last of `human_indices`."""
        links = {
            "vector": self.target_task_link_names,
            "position": self.target_link_names,
            "dexpilot": self.finger_tip_link_names,
        }
        return links[self.type] or ()

    @property
    def named_links(self) -> tuple[str, ...]:
        """Every link that matters for the type, once."""
        origins = self.target_origin_link_names or () if self.type == "vector" else ()
        wrist = (self.wrist_link_name,) if self.type == "dexpilot" and self.wrist_link_name is not None else ()
        return tuple(dict.fromkeys((*self.followed_links, *origins, *wrist)))

    @property
    def tip_links(self) -> dict[str, int]:
        """Links that stand for fingertips, with the hand's joint that each follows."""
        links = self.followed_links
        joints = np.atleast_2d(self.human_indices)[-1, -len(links) :]  # DexPilot's begin with pairs of fingers
        return {link: int(joint) for link, joint in zip(links, joints, strict=True) if joint and joint % 4 == 0}


def parse_settings(entries: Any, source: str, retargeting_type: str | None = None) -> RetargetingSettings:
    """The settings of a ``retargeting:`` section.

    Parameters
    ----------
    entries
        What the section holds.
    source
        The file, for messages.
    retargeting_type
        Takes the place of the file's `type`.

    Raises
    ------
    ValueError
        If a key is unknown or missing, or a value is of the wrong kind.
    """
    try:
        values = dict(_known(entries))
        own_kind = str(values.get("type", "")).lower()
        kind = (retargeting_type or own_kind).lower()
        if kind == "dexpilot" and own_kind != kind:
            values.pop("target_link_human_indices", None)  # those of another type
        known_type = next((known for known in RETARGETING_TYPES if known == kind), None)
        if known_type is None:
            raise ValueError(f"type is '{kind}': give one of {', '.join(RETARGETING_TYPES)}")
        if not isinstance(values.get("urdf_path"), str):
            raise ValueError("urdf_path is missing: give the URDF file of the robot hand")
        converted = {name: _converted(name, value) for name, value in values.items() if value is not None}
        settings = RetargetingSettings(**{**converted, "type": known_type})
        _require_consistent(settings)
    except ValueError as error:
        raise ValueError(f"robot file {source}: retargeting: {error}") from error
    return settings


def dexpilot_joints(fingers: int) -> IntArray:
    """(2, N) joints of the hand between which DexPilot's vectors run.

    From each finger to those before it, thumb first, then from the wrist to each finger: the order of dex-retargeting.
    """
    pairs = [(later, first) for first in range(1, fingers) for later in range(first + 1, fingers + 1)]
    pairs += [(0, finger) for finger in range(1, fingers + 1)]
    return 4 * np.array(pairs, np.int32).T


def _known(entries: Any) -> Mapping[str, Any]:
    if not isinstance(entries, Mapping):
        raise ValueError("must hold keys such as `type` and `urdf_path`")
    names = [field.name for field in fields(RetargetingSettings)]
    for key in entries:
        if key not in names:
            nearest = get_close_matches(str(key), names, n=1, cutoff=0.0)
            raise ValueError(f"unknown key '{key}': did you mean {nearest[0]}?")
    return entries


_NAME_LISTS: Final = frozenset(
    ("target_joint_names", "target_link_names", "target_origin_link_names", "target_task_link_names")
) | {"finger_tip_link_names"}
_FLAGS: Final = frozenset(("has_joint_limits", "ignore_mimic_joint", "add_dummy_free_joint"))
_NUMBERS: Final = frozenset(
    ("scaling_factor", "normal_delta", "huber_delta", "project_dist", "escape_dist", "low_pass_alpha")
)


def _converted(name: str, value: Any) -> Any:
    if name in _NAME_LISTS:
        if not isinstance(value, list) or not value:
            raise ValueError(f"{name} is {value!r}: give a list of names")
        return tuple(str(entry) for entry in value)
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}: give true or false")
        return value
    if name in _NUMBERS:
        return _number(name, value)
    return _joint_indices(value) if name == "target_link_human_indices" else str(value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{name} is {value!r}: give a finite number")
    if name == "low_pass_alpha":
        return float(value)  # outside 0..1 means no smoothing, in dex-retargeting too
    if value <= 0:
        raise ValueError(f"{name} is {value}: give a positive number")
    return float(value)


def _joint_indices(value: Any) -> IntArray:
    try:
        indices = np.array(value, np.int32)
    except (TypeError, ValueError, OverflowError):
        indices = np.empty(0, np.int32)
    if indices.size == 0 or indices.ndim > 2 or (indices < 0).any() or (indices >= JOINT_COUNT).any():
        raise ValueError(
            f"target_link_human_indices is {value!r}: give joints 0 to {JOINT_COUNT - 1} as two lists of equal length, "
            "or as one list for type position"
        )
    return indices


def _require_consistent(settings: RetargetingSettings) -> None:
    if settings.type == "dexpilot":
        tips = settings.finger_tip_link_names
        if settings.wrist_link_name is None or tips is None:
            raise ValueError("type dexpilot needs wrist_link_name and finger_tip_link_names")
        if not 2 <= len(tips) <= _MAX_DEXPILOT_FINGERS:
            raise ValueError(f"finger_tip_link_names has {len(tips)} names: type dexpilot needs 2 to 5, thumb first")
        if settings.human_indices.shape != dexpilot_joints(len(tips)).shape:
            raise ValueError(
                f"target_link_human_indices has the shape {settings.human_indices.shape}: type dexpilot needs none"
            )
    elif settings.type == "vector":
        begin, end = settings.target_origin_link_names, settings.target_task_link_names
        if begin is None or end is None:
            raise ValueError("type vector needs target_origin_link_names and target_task_link_names")
        if len(begin) != len(end) or settings.human_indices.shape != (2, len(end)):
            raise ValueError(
                f"target_origin_link_names, target_task_link_names and target_link_human_indices must have the same "
                f"length: they have {len(begin)}, {len(end)} and {settings.human_indices.shape}"
            )
    else:
        links = settings.target_link_names
        if links is None:
            raise ValueError("type position needs target_link_names")
        if settings.human_indices.shape != (len(links),):
            raise ValueError(
                f"target_link_names and target_link_human_indices must have the same length: they have {len(links)} "
                f"and {settings.human_indices.shape}"
            )
