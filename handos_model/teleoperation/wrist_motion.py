"""`WristMotion`: a wrist on its way to where the hand is, within limits of speed, turning and their changes."""

import math
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.quaternions import Quaternion, rotated, rotation_vector
from handos_model.teleoperation.joint_motion import AT_LIMIT, AT_REST, MAX_STEP

_MIN_STEP: Final = 1e-6
"""Seconds."""


@dataclass(frozen=True)
class WristLimits:
    """How fast a commanded wrist may move.

    Raises
    ------
    ValueError
        If a value cannot be used.
    """

    speed: float = 1.5
    """Metres per second."""
    turning: float = 6.0
    """Radians per second."""
    acceleration: float = 10.0
    """Metres per second squared; it also smooths the steps from image to image."""
    turning_acceleration: float = 40.0
    """Radians per second squared."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 < getattr(self, field.name) < math.inf:
                raise ValueError(f"the wrist's {field.name} limit is {getattr(self, field.name)}: give more than 0")


@dataclass(frozen=True)
class WristPose:
    """A pose in some frame."""

    position: Float64Array
    """(3,) metres."""
    orientation: Quaternion
    """x, y, z, w."""


@dataclass(frozen=True)
class WristStep:
    """Where the wrist is to be now, and how it moves there."""

    pose: WristPose
    linear: Float64Array
    """(3,) metres per second, in the pose's frame."""
    angular: Float64Array
    """(3,) radians per second about the axes of the pose's frame."""
    is_limited: bool
    """Whether it moves or turns as fast as it may."""

    @property
    def is_at_rest(self) -> bool:
        """Whether it neither moves nor turns."""
        return bool((np.abs([*self.linear, *self.angular]) < AT_REST).all())


class WristMotion:
    """Moves a wrist from its first pose towards targets, straight and along the shortest turn.

    Parameters
    ----------
    limits
        How fast.
    start
        The first pose, at rest.
    """

    def __init__(self, limits: WristLimits, start: WristPose) -> None:
        self._limits, self._pose = limits, start
        self._linear, self._angular = np.zeros(3), np.zeros(3)

    def towards(self, target: WristPose, seconds: float) -> WristStep:
        """Move on towards `target` for some time.

        Raises
        ------
        ValueError
            If the target is not finite.
        """
        if not np.isfinite([*target.position, *target.orientation]).all():
            raise ValueError("the wrist's target is not finite")
        limits, duration = self._limits, _duration(seconds)
        way = target.position - self._pose.position
        turn = rotation_vector(self._pose.orientation, target.orientation)
        linear = _velocity_towards(way, limits.speed, limits.acceleration, duration)
        angular = _velocity_towards(turn, limits.turning, limits.turning_acceleration, duration)
        return self._move(linear, angular, duration)

    def towards_rest(self, seconds: float) -> WristStep:
        """Brake for some time."""
        return self._move(np.zeros(3), np.zeros(3), _duration(seconds))

    def _move(self, linear: Float64Array, angular: Float64Array, duration: float) -> WristStep:
        """Move for some time with these velocities, as far as the accelerations allow."""
        limits = self._limits
        self._linear = self._linear + _shortened(linear - self._linear, limits.acceleration * duration)
        self._angular = self._angular + _shortened(angular - self._angular, limits.turning_acceleration * duration)
        position = self._pose.position + self._linear * duration
        self._pose = WristPose(position, rotated(self._pose.orientation, self._angular * duration))
        is_fastest = _length(self._linear) >= AT_LIMIT * limits.speed
        is_turning_fastest = _length(self._angular) >= AT_LIMIT * limits.turning
        return WristStep(self._pose, self._linear, self._angular, is_fastest or is_turning_fastest)


def _duration(seconds: float) -> float:
    return min(max(seconds, _MIN_STEP), MAX_STEP)


def _velocity_towards(way: Float64Array, speed: float, acceleration: float, duration: float) -> Float64Array:
    """The velocity of the next step of some duration: the highest from which it is possible to stop at the way's end.

    A step with velocity v and then braking take v * duration / 2 + v^2 / (2 * acceleration).
    """
    distance = _length(way)
    if distance == 0:
        return np.zeros(3)
    gain = acceleration * duration
    stoppable = (math.sqrt(gain * gain + 8 * acceleration * distance) - gain) / 2
    return way * (min(stoppable, speed, distance / duration) / distance)


def _shortened(step: Float64Array, longest: float) -> Float64Array:
    """The step, no longer than `longest`."""
    length = _length(step)
    return step if length <= longest else step * (longest / length)


def _length(vector: Float64Array) -> float:
    return math.sqrt(float(vector @ vector))
