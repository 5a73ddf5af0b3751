"""`GripCalibrator`: learns how wide the operator's hand is when it is open and when it pinches."""

import time
from typing import Final

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.timer import Timer
from std_srvs.srv import Trigger

from handos_model.hand.hand import Handedness
from handos_model.retargeting.grip import GripCalibration, learned_grip
from handos_ros.clocks.stamps import STEADY_CLOCK
from handos_ros.outputs.sides import SIDES
from handos_ros.parameters.live_parameters import LiveParameters
from handos_ros.retarget.parameters import RetargetParameters

_SEEN: Final = 0.5
"""Seconds for which a hand counts as there."""
_WHAT_TO_DO: Final = "open the hand wide and pinch with thumb and index finger, several times"


class GripCalibrator:
    """Sets the parameters `open_aperture` and `closed_aperture` from what a hand does after ``~/calibrate_grip``.

    Both sides share them, because both hands of a person have one size. Where both hands are seen, the one that moves
    more is measured.

    Parameters
    ----------
    node
        Offers the service, logs, and has the parameters.
    parameters
        Of the node.
    """

    def __init__(self, node: Node, parameters: LiveParameters[RetargetParameters]) -> None:
        self._node, self._parameters = node, parameters
        self._seen: dict[Handedness, float] = {}
        self._apertures: dict[Handedness, list[float]] = {}
        self._timer: Timer | None = None
        """Runs while hands are measured."""
        self._result = ""
        self._problem = ""
        self._service = node.create_service(Trigger, "~/calibrate_grip", self._calibrate)

    def close(self) -> None:
        """Withdraw the service; a calibration in progress ends without a result."""
        self._stop_timer()
        self._node.destroy_service(self._service)

    def observe(self, side: Handedness, aperture: float) -> None:
        """Take note of the aperture in metres of a hand that may be followed."""
        self._seen[side] = time.monotonic()
        if self._timer is not None:
            self._apertures[side].append(aperture)

    def status(self) -> DiagnosticStatus:
        """For /diagnostics."""
        given = self._parameters.current
        message = "measuring" if self._timer is not None else self._problem or self._result or "not calibrated"
        return DiagnosticStatus(
            level=DiagnosticStatus.WARN if self._problem else DiagnosticStatus.OK,
            name="grip",
            message=message,
            values=[
                KeyValue(key="open aperture [mm]", value=f"{1000 * given.open_aperture:.1f}"),
                KeyValue(key="closed aperture [mm]", value=f"{1000 * given.closed_aperture:.1f}"),
            ],
        )

    def _calibrate(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.message = self._refusal()
        response.success = not response.message
        if response.success:
            duration = self._parameters.current.calibration_time
            self._apertures, self._problem = {side: [] for side in SIDES}, ""
            self._timer = self._node.create_timer(duration, self._finish, clock=STEADY_CLOCK)
            response.message = (
                f"for {duration:g} s, {_WHAT_TO_DO}. The result comes in the log, in /diagnostics and as the "
                "parameters open_aperture and closed_aperture"
            )
            self._node.get_logger().info(response.message)
        return response

    def _refusal(self) -> str:
        """Why no calibration can start; empty: it can."""
        if self._timer is not None:
            return "a calibration is in progress: wait for its end"
        if not any(time.monotonic() - seen < _SEEN for seen in self._seen.values()):
            return "no hand is followed now: show one to the camera, in metres and steadily, then call again"
        return ""

    def _finish(self) -> None:
        self._stop_timer()
        side = max(SIDES, key=lambda side: _range(self._apertures[side]))
        try:
            self._apply(learned_grip(self._apertures[side]), side)
        except ValueError as error:
            self._problem = f"the grip was not calibrated: {error}. Call ~/calibrate_grip again, then {_WHAT_TO_DO}"
            self._node.get_logger().error(self._problem)

    def _apply(self, grip: GripCalibration, side: Handedness) -> None:
        values = {"open_aperture": round(grip.open_aperture, 4), "closed_aperture": round(grip.closed_aperture, 4)}
        parameters = [Parameter(name, value=value) for name, value in values.items()]
        outcome = self._node.set_parameters_atomically(parameters)
        if not outcome.successful:
            raise ValueError(outcome.reason)
        self._result = (
            f"calibrated with {len(self._apertures[side])} {side} hands: open "
            f"{1000 * grip.open_aperture:.0f} mm, closed {1000 * grip.closed_aperture:.0f} mm"
        )
        self._node.get_logger().info(f"the grip was {self._result}")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None


def _range(apertures: list[float]) -> float:
    return max(apertures) - min(apertures) if apertures else 0.0
