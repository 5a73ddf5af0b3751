"""Status of one side of the robot for /diagnostics. A pure function: nothing is published here."""

from typing import Final

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from handos_model.retargeting.robot_hand import RobotHand
from handos_model.teleoperation.engagement import TeleoperationState
from handos_model.teleoperation.side_teleoperation import SideCommand

_LOSING: Final = (TeleoperationState.HOLDING, TeleoperationState.LOST)


def side_status(robot: RobotHand, command: SideCommand | None, problem: str, wrist_problem: str) -> DiagnosticStatus:
    """What a side is doing.

    Parameters
    ----------
    robot
        The robot hand.
    command
        The newest one; ``None`` before the first.
    problem
        Why the robot must not be commanded; empty: it may be.
    wrist_problem
        Why the wrist is not commanded to where the hand is; empty: it is.
    """
    state = "idle" if command is None else command.state.value
    reason = "" if command is None else command.reason
    is_losing = command is not None and command.state in _LOSING
    limited = "" if command is None or command.joints is None else ", ".join(command.joints.limited)
    is_wrist_limited = command is not None and command.wrist is not None and command.wrist.is_limited
    message = problem or (f"the wrist stays: {wrist_problem}" if wrist_problem else "")
    values = {
        "state": state,
        "reason": reason or "none",
        "joints at their limit of speed": limited or "none",
        "wrist at its limit of speed": "yes" if is_wrist_limited else "no",
        "wrist": wrist_problem or "known",
        "robot description": robot.model.source,
    }
    return DiagnosticStatus(
        level=_level(problem, is_doubtful=is_losing or bool(wrist_problem)),
        name=f"{robot.side} side",
        message=message or (f"{state}: {reason}" if reason else state),
        hardware_id=robot.name,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )


def _level(problem: str, *, is_doubtful: bool) -> bytes:
    if problem:
        return DiagnosticStatus.ERROR
    return DiagnosticStatus.WARN if is_doubtful else DiagnosticStatus.OK
