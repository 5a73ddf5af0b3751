"""Checks a robot's description against its robot file before anything moves."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness
from handos_model.retargeting.gripper import GripperSettings
from handos_model.retargeting.robot_model import RobotJoint, RobotModel
from handos_model.retargeting.settings import RetargetingSettings

_MAX_ANGLE: Final = 4 * np.pi
"""Radians: limits beyond two turns are degrees, or no limits."""
_MAX_TRAVEL: Final = 1.0
"""Metres: limits of prismatic joints beyond this are millimetres."""
_MIN_TIP: Final = 0.005
"""Metres from the last joint to a fingertip: closer, the link lies at the joint."""
_MIN_COSINE: Final = 0.5
"""Between the fingers of a hand at rest and the z axis of the hand frame: 60 degrees."""
_THUMB_TIP: Final = 4


def check_gripper(settings: GripperSettings, model: RobotModel) -> None:
    """Raise `ValueError` unless the gripper has the joints and links that its file names, within their limits."""
    _require_joints(settings.joints, model)
    _require_links(settings.tip_links, model)
    for name, ends in zip(settings.joints, np.stack([settings.open, settings.closed], axis=1), strict=True):
        joint = model.joint[name]
        if (ends < joint.lower - 1e-6).any() or (ends > joint.upper + 1e-6).any():
            raise _error(
                model,
                f"joint '{name}' moves from {joint.lower:g} to {joint.upper:g}, but the robot file opens and closes it "
                f"at {ends[0]:g} and {ends[1]:g}: correct one of them",
            )


def check_hand(settings: RetargetingSettings, model: RobotModel, side: Handedness, hand_rotation: Float64Array) -> None:
    """Check a robot hand.

    Parameters
    ----------
    settings
        What the robot file says.
    model
        The robot's description.
    side
        Of the robot.
    hand_rotation
        (3, 3) from the hand frame to that of the robot's root link.

    Raises
    ------
    ValueError
        If a link or joint does not exist, a fingertip's link is not at a fingertip, limits are implausible, or the
        robot's frame or side is another one.
    """
    _require_links(settings.named_links, model)
    _require_joints(settings.target_joint_names or (), model)
    for joint in model.joints:
        _require_plausible_limits(joint, model)
    if settings.type != "position":  # which is for recordings, and whose links may be any
        for link in settings.tip_links:
            _require_fingertip(link, model)
        _require_hand_frame(settings, model, side, hand_rotation)


def check_joint_order(order: tuple[str, ...], moved: tuple[str, ...], model: RobotModel) -> None:
    """Raise `ValueError` unless a joint order names every joint that is moved, once, and no other."""
    _require_joints(order, model)
    if sorted(order) != sorted(moved):
        missing, surplus = sorted(set(moved) - set(order)), sorted(set(order) - set(moved))
        raise _error(
            model,
            f"joint_order of the robot file must name each moved joint once: it lacks {', '.join(missing) or 'none'} "
            f"and has too many of {', '.join(surplus) or 'none'}",
        )


def _require_links(names: Iterable[str], model: RobotModel) -> None:
    for name in names:
        if name not in model.links:
            raise _error(model, f"there is no link '{name}'; {_nearest(name, model.links)}")


def _require_joints(names: Iterable[str], model: RobotModel) -> None:
    movable = [joint.name for joint in model.joints if joint.kind != "fixed"]
    for name in names:
        if name not in movable:
            raise _error(model, f"there is no movable joint '{name}'; {_nearest(name, movable)}")


def _require_plausible_limits(joint: RobotJoint, model: RobotModel) -> None:
    largest = max(abs(joint.lower), abs(joint.upper))
    if joint.kind == "revolute" and largest > _MAX_ANGLE:
        raise _error(model, f"joint '{joint.name}' has limits up to {largest:g}: URDF wants radians")
    if joint.kind == "prismatic" and largest > _MAX_TRAVEL:
        raise _error(model, f"joint '{joint.name}' has limits up to {largest:g}: URDF wants metres")


def _require_fingertip(link: str, model: RobotModel) -> None:
    tips = [name for name in model.links if not any(joint.parent == name for joint in model.joints)]
    if model.moves(link):
        raise _error(model, f"link '{link}' is no fingertip: joints further out move; {_nearest(link, tips)}")
    last = _last_moving_joint(link, model)
    if last is None:
        raise _error(model, f"link '{link}' is no fingertip: no joint moves it; {_nearest(link, tips)}")
    poses = model.link_poses({})
    distance = float(np.linalg.norm(poses[link][:3, 3] - poses[last.child][:3, 3]))
    if last.kind != "prismatic" and distance < _MIN_TIP:
        raise _error(
            model,
            f"link '{link}' lies at the joint '{last.name}', {1000 * distance:.0f} mm from it, and not at the "
            f"fingertip: add a link there with a fixed joint, or name it; {_nearest(link, tips)}",
        )


def _last_moving_joint(link: str, model: RobotModel) -> RobotJoint | None:
    """The movable joint nearest to a link on the way to the root."""
    inwards = {joint.child: joint for joint in model.joints}
    while link in inwards:
        if inwards[link].kind != "fixed":
            return inwards[link]
        link = inwards[link].parent
    return None


def _require_hand_frame(
    settings: RetargetingSettings, model: RobotModel, side: Handedness, hand_rotation: Float64Array
) -> None:
    """At rest, the fingers point along the hand frame's z axis, and the thumb is on its side."""
    tips = settings.tip_links
    wrist = settings.wrist_link_name if settings.type == "dexpilot" else (settings.target_origin_link_names or ("",))[0]
    if wrist in tips or len(tips) < 3 or _THUMB_TIP not in tips.values():
        return  # not a hand with a wrist, a thumb and fingers
    rest = {name: float(np.clip(0.0, *model.limits([name])[0])) for name in model.independent_joints}
    poses = model.link_poses(rest)
    from_wrist = {
        joint: (poses[link][:3, 3] - poses[wrist or model.root][:3, 3]) @ hand_rotation for link, joint in tips.items()
    }
    fingers = np.mean([vector for joint, vector in from_wrist.items() if joint != _THUMB_TIP], axis=0)
    if fingers[2] < _MIN_COSINE * np.linalg.norm(fingers):
        raise _error(
            model,
            f"at rest the fingers point along {_direction(hand_rotation @ fingers)} of '{model.root}', but the hand "
            "frame's z axis does not: give hand_frame_rpy in the robot file (x out of the palm, z to the fingertips)",
        )
    offset = float(from_wrist[_THUMB_TIP][1] - fingers[1])
    if (offset > 0) != (side == "right"):
        raise _error(
            model,
            f"its thumb is on the side of a {'right' if offset > 0 else 'left'} hand, but the robot is the {side} one: "
            "give the URDF of the other side, or correct hand_frame_rpy in the robot file",
        )


def _direction(vector: Float64Array) -> str:
    axis = int(np.abs(vector).argmax())
    return f"{'+' if vector[axis] > 0 else '-'}{'xyz'[axis]}"


def _nearest(name: str, names: Iterable[str]) -> str:
    return f"nearest are {', '.join(get_close_matches(name, list(names), n=3, cutoff=0.0)) or 'none'}"


def _error(model: RobotModel, what: str) -> ValueError:
    return ValueError(f"robot description {model.source}: {what}")
