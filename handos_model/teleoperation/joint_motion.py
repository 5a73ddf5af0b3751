"""`JointMotion`: a robot hand's joints on their way to their targets, within limits of speed and acceleration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array

MAX_STEP: Final = 0.1
"""Seconds: after a longer pause the joints move on as if it had been this long."""
AT_LIMIT: Final = 0.99
"""Fraction of the highest speed from which on a motion counts as limited."""
AT_REST: Final = 1e-6
"""Radians or metres per second below which nothing moves."""


@dataclass(frozen=True)
class JointLimits:
    """What the joints can do; arrays (J,) in radians, or metres for sliding joints, and seconds.

    Raises
    ------
    ValueError
        If a value cannot be used.
    """

    names: Sequence[str]
    lower: Float64Array
    upper: Float64Array
    velocity: Float64Array
    acceleration: Float64Array

    def __post_init__(self) -> None:
        for number, name in enumerate(self.names):
            if not self.lower[number] <= self.upper[number]:
                raise ValueError(f"joint {name}: its lower limit {self.lower[number]:g} is above its upper one")
            for kind in ("velocity", "acceleration"):
                value = getattr(self, kind)[number]
                if not 0 < value < np.inf:
                    raise ValueError(f"joint {name}: its {kind} limit is {value:g}, give more than 0")


@dataclass(frozen=True)
class JointStep:
    """Where the joints are to be now."""

    positions: Float64Array
    """(J,) radians or metres."""
    velocities: Float64Array
    """(J,) per second."""
    limited: tuple[str, ...]
    """Joints that move as fast as they may."""

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing moves."""
        return bool((np.abs(self.velocities) < AT_REST).all())


class JointMotion:
    """Moves joints from a start towards targets that may change at any time, each joint by itself.

    Every step is the beginning of the fastest motion to the target that the limits allow (Ruckig: Berscheid and
    Kroeger, RSS 2021), so that no target, however far, makes the joints leap.

    Parameters
    ----------
    limits
        Of the joints.
    start
        (J,) positions at which the robot stands.

    Raises
    ------
    ValueError
        If ruckig is not installed.
    """

    def __init__(self, limits: JointLimits, start: Float64Array) -> None:
        try:
            from ruckig import InputParameter, OutputParameter, Ruckig, Synchronization
        except ModuleNotFoundError as error:
            raise ValueError(
                "motion within limits needs the Python package ruckig: `pip install '.[retarget]'`"
            ) from error

        count = len(limits.names)
        self._limits = limits
        self._generator = Ruckig(count, MAX_STEP)
        self._input, self._output = InputParameter(count), OutputParameter(count)
        self._input.synchronization = Synchronization.No
        self._input.max_velocity, self._input.max_acceleration = list(limits.velocity), list(limits.acceleration)
        self._input.max_jerk = [float("inf")] * count
        self._input.target_velocity = [0.0] * count
        self.place(start)

    def place(self, positions: Float64Array) -> None:
        """Start anew, at rest at `positions` (J,), or at the limits nearest to them."""
        self._input.current_position = list(np.clip(positions, self._limits.lower, self._limits.upper))
        self._input.current_velocity = self._input.current_acceleration = [0.0] * len(self._limits.names)

    def towards(self, target: Float64Array, seconds: float) -> JointStep:
        """Move on towards `target` (J,) for some time."""
        from ruckig import ControlInterface, RuckigError

        if not np.isfinite(target).all():
            raise ValueError(
                f"joint {self._limits.names[int(np.argmin(np.isfinite(target)))]}: its target is no number"
            )
        self._input.control_interface = ControlInterface.Position
        self._input.target_position = list(np.clip(target, self._limits.lower, self._limits.upper))
        try:
            return self._step(seconds)
        except RuckigError:
            # It finds no motion if, but for rounding, a joint has to brake from now on to stop at its target.
            return self.towards_rest(seconds)

    def towards_rest(self, seconds: float) -> JointStep:
        """Brake for some time."""
        from ruckig import ControlInterface

        self._input.control_interface = ControlInterface.Velocity
        return self._step(seconds)

    def _step(self, seconds: float) -> JointStep:
        self._generator.delta_time = min(max(seconds, 1e-6), MAX_STEP)
        result = self._generator.update(self._input, self._output)
        if result.value < 0:
            raise RuntimeError(f"no motion within the joints' limits: {result.name} for {self._input!r}")
        self._output.pass_to_input(self._input)
        positions, velocities = np.array(self._output.new_position), np.array(self._output.new_velocity)
        at_limit = np.abs(velocities) >= AT_LIMIT * self._limits.velocity
        limited = tuple(name for name, is_limited in zip(self._limits.names, at_limit, strict=True) if is_limited)
        return JointStep(positions, velocities, limited)
