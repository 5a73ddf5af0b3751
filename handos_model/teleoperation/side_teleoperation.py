"""`SideTeleoperation`: one hand of the operator and the robot's side that follows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Hand, Handedness
from handos_model.teleoperation.engagement import Engagement, LossSettings, TeleoperationState
from handos_model.teleoperation.hand_follower import FollowSettings, HandFollower, Observation
from handos_model.teleoperation.joint_motion import JointLimits, JointMotion, JointStep
from handos_model.teleoperation.wrist_motion import WristLimits, WristMotion, WristPose, WristStep

_SILENT: Final = (TeleoperationState.RELEASED, TeleoperationState.WAITING)
"""States in which nothing is commanded, once all is at rest."""


@dataclass(frozen=True)
class TeleoperationSettings:
    """When a hand is believed, what happens when it is lost, how fast the wrist may move."""

    follow: FollowSettings = field(default_factory=FollowSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    wrist: WristLimits = field(default_factory=WristLimits)


@dataclass(frozen=True)
class RobotSide:
    """What is known about the robot hand of one side; arrays (J,) in radians or metres."""

    limits: JointLimits
    open_pose: Float64Array
    """Where the joints go when the hand is open, and where they start if nobody says where they are."""
    solve: Callable[[Hand], Float64Array]
    """The joints' positions for a hand with metres; ValueError: it says nothing about them."""


@dataclass(frozen=True)
class SideCommand:
    """What the robot's side is to do now."""

    state: TeleoperationState
    reason: str
    """Why it does not follow the hand; empty while it does."""
    joints: JointStep | None
    """``None``: no command."""
    wrist: WristStep | None
    """``None``: no command."""

    @property
    def is_limited(self) -> bool:
        """Whether joints or wrist move as fast as they may, and so lag behind the hand."""
        return bool(self.joints and self.joints.limited) or bool(self.wrist and self.wrist.is_limited)


class SideTeleoperation:
    """Turns the hands of images into commands, which are smooth whatever the hands do.

    Images say where to go, whenever they come; `step` says where to be now, as often as the robot wants to know.

    Parameters
    ----------
    side
        The operator's hand.
    robot
        The robot hand that follows it.
    settings
        When a hand is believed, what happens when it is lost, how fast the wrist may move.
    """

    def __init__(self, side: Handedness, robot: RobotSide, settings: TeleoperationSettings | None = None) -> None:
        self._robot, self._settings = robot, settings or TeleoperationSettings()
        self._follower = HandFollower(side, self._settings.follow)
        self._engagement = Engagement(self._settings.loss)
        self._joints = JointMotion(robot.limits, robot.open_pose)
        self._joint_target = robot.open_pose
        self._wrist: WristMotion | None = None
        self._wrist_target: WristPose | None = None
        self._reason = ""
        self._stepped: float | None = None
        self._is_at_rest = True

    def see(
        self,
        hands: Sequence[Hand],
        seconds: float,
        wrist_of: Callable[[Hand], WristPose | None],
        taken: float | None = None,
    ) -> Observation:
        """Take note of an image's hands.

        Parameters
        ----------
        hands
            All hands of the image, best first.
        seconds
            When the image arrived, by the clock of `step`.
        wrist_of
            The wrist of a hand in the frame of the commands; ``None`` where that is unknown: the wrist then stays.
        taken
            Seconds, when the image was taken, by any clock that never goes back: images may be delayed, and speeds are
            measured by it. ``None``: when it arrived.
        """
        observation = self._follower.look(hands, seconds if taken is None else taken)
        if observation.hand is not None:
            try:
                joint_target = self._robot.solve(observation.hand)
                wrist_target = wrist_of(observation.hand)
            except ValueError as error:  # such as a palm without direction
                observation = Observation(None, str(error))
            else:
                self._joint_target, self._wrist_target = joint_target, wrist_target
        self._reason = observation.reason
        self._engagement.see(observation.hand is not None, seconds)
        return observation

    def place(self, positions: Float64Array) -> None:
        """Tell where the robot's joints (J,) really are; ignored while they are being moved."""
        if self._is_at_rest and np.isfinite(positions).all():
            self._joints.place(positions)

    def step(self, is_enabled: bool, now: float) -> SideCommand:
        """Move on to the time `now` in seconds.

        Parameters
        ----------
        is_enabled
            Whether the operator wants the robot to move: the dead man's switch.
        now
            Seconds; never decreases.
        """
        seconds = 0.0 if self._stepped is None else now - self._stepped
        self._stepped = now
        state = self._engagement.state(is_enabled, now)
        joints, wrist = self._move(state, seconds)
        return SideCommand(state, self._why(state, now), joints, wrist)

    def _move(self, state: TeleoperationState, seconds: float) -> tuple[JointStep | None, WristStep | None]:
        """What joints and wrist do: follow or hold, or brake; after the step that says that all is at rest, nothing."""
        is_lost = state is TeleoperationState.LOST
        if state in _SILENT or (is_lost and self._settings.loss.action == "release"):
            if self._is_at_rest:
                return None, None
            joints = self._joints.towards_rest(seconds)
            wrist = None if self._wrist is None else self._wrist.towards_rest(seconds)
            self._is_at_rest = joints.is_at_rest and (wrist is None or wrist.is_at_rest)
            return joints, wrist
        self._is_at_rest = False
        opens = is_lost and self._settings.loss.action == "open"
        joints = self._joints.towards(self._robot.open_pose if opens else self._joint_target, seconds)
        return joints, self._move_wrist(seconds)

    def _move_wrist(self, seconds: float) -> WristStep | None:
        """Move on to where the hand was last followed; brake where that is unknown in the frame of the commands."""
        if self._wrist is None and self._wrist_target is not None:
            self._wrist = WristMotion(self._settings.wrist, self._wrist_target)
        if self._wrist is None:
            return None
        if self._wrist_target is None:
            return self._wrist.towards_rest(seconds)
        return self._wrist.towards(self._wrist_target, seconds)

    def _why(self, state: TeleoperationState, now: float) -> str:
        if state is TeleoperationState.RELEASED:
            return "the operator has not enabled it"
        if state is TeleoperationState.ENGAGED:
            return ""
        return "no new hands have come" if self._engagement.is_stale(now) else self._reason
