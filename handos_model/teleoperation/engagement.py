"""`Engagement`: whether a robot's side follows its hand, holds, or has lost it."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

LossAction = Literal["hold", "open", "release"]


class TeleoperationState(Enum):
    """What a robot's side is doing."""

    RELEASED = "released"
    """The operator has not enabled it: it comes to rest, then gets no commands."""
    WAITING = "waiting"
    """Enabled, but no hand has been followed since: no commands."""
    ENGAGED = "engaged"
    """It follows the hand."""
    HOLDING = "holding"
    """The hand was lost a moment ago: it goes to where the hand was last seen, and stays there."""
    LOST = "lost"
    """The hand is lost: what the user chose happens."""


@dataclass(frozen=True)
class LossSettings:
    """What happens when the hand is lost.

    Raises
    ------
    ValueError
        If a value cannot be used.
    """

    input_timeout: float = 0.3
    """Seconds after which the newest image is stale."""
    hold_time: float = 1.0
    """Seconds of HOLDING before LOST."""
    action: LossAction = "hold"
    """Once LOST, hold: stay; open: go to the open pose; release: come to rest, then send nothing."""

    def __post_init__(self) -> None:
        if not self.input_timeout > 0:
            raise ValueError(f"input_timeout is {self.input_timeout}: give more than 0 seconds")
        if not self.hold_time >= 0:
            raise ValueError(f"hold_time is {self.hold_time}: give 0 or more seconds")
        if self.action not in ("hold", "open", "release"):
            raise ValueError(f"action is {self.action!r}: choose one of hold, open, release")


class Engagement:
    """Decides the state from what was seen when.

    Parameters
    ----------
    settings
        What happens when the hand is lost.
    """

    def __init__(self, settings: LossSettings | None = None) -> None:
        self._settings = settings or LossSettings()
        self._seen: float | None = None
        self._followed: float | None = None
        self._is_followed = False

    def see(self, is_followed: bool, seconds: float) -> None:
        """Take note of an image that arrived at this time, with or without a hand that is followed."""
        self._seen = seconds
        self._is_followed = is_followed
        if is_followed:
            self._followed = seconds

    def state(self, is_enabled: bool, now: float) -> TeleoperationState:
        """The state at the time `now`, in seconds."""
        if not is_enabled:
            self._followed = None
            return TeleoperationState.RELEASED
        if self._followed is None:
            return TeleoperationState.WAITING
        age = now - self._followed
        if self._is_followed and age <= self._settings.input_timeout:
            return TeleoperationState.ENGAGED
        if age <= self._settings.input_timeout + self._settings.hold_time:
            return TeleoperationState.HOLDING
        return TeleoperationState.LOST

    def is_stale(self, now: float) -> bool:
        """Whether the newest image is old, or none has come."""
        return self._seen is None or now - self._seen > self._settings.input_timeout
