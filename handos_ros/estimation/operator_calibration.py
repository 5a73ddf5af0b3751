"""`OperatorCalibration`: the size of the operator's hands in the node, from its file, or learned from depth images."""

import threading
from datetime import date
from typing import Final

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.timer import Timer
from std_srvs.srv import Trigger

from handos_model.hand.hand import Hand
from handos_model.hand_size.depth_evidence import MIN_MEASUREMENTS, DepthEvidence, size_factors
from handos_model.hand_size.operator_folder import OperatorFolder
from handos_model.hand_size.operator_size import OperatorSize
from handos_model.hand_size.palm import ASSUMED_PALM_LENGTH
from handos_model.hand_size.size_monitor import SizeMonitor
from handos_ros.clocks.stamps import STEADY_CLOCK
from handos_ros.diagnostics.node_log import WARNING_PERIOD
from handos_ros.parameters.live_parameters import LiveParameters
from handos_ros.parameters.node_parameters import NodeParameters

REMEDY: Final = "hold both hands open before the camera, with nobody else's in view, turn and move them"
"""What a person has to do to be measured."""


class OperatorCalibration:
    """Knows the size of the operator's hands, learns it from depth images, and notices what contradicts it.

    An operator without a file is measured with the first hands that depth sees; service ``~/calibrate`` measures anew.

    Parameters
    ----------
    node
        Offers the service and logs.
    parameters
        Read at construction, except for the duration of a calibration.

    Raises
    ------
    FileNotFoundError
        If the operator has no file, and there is no depth to measure the hands by.
    ValueError
        If the file is damaged.
    """

    def __init__(self, node: Node, parameters: LiveParameters[NodeParameters]) -> None:
        self._node, self._parameters = node, parameters
        given = parameters.current
        self._name, self._has_depth = given.operator, given.depth
        self._folder = OperatorFolder.at(given.operators_path)
        self._lock = threading.Lock()
        """The executor's thread starts and ends a calibration, the worker's adds to it."""
        self._evidence: DepthEvidence | None = None
        """Of the calibration in progress."""
        self._timer: Timer | None = None
        """Ends a calibration that was asked for; without one the first measurements end it."""
        self._problem, self._contradiction = "", ""
        self._start()
        self._service = node.create_service(Trigger, "~/calibrate", self._calibrate)

    def _start(self) -> None:
        self._monitor = SizeMonitor()
        self.size: OperatorSize | None = None
        """What hands are scaled to; ``None``: not known."""
        if not self._name:
            return
        if self._has_depth and not self._folder.file_of(self._name).exists():
            self._evidence = DepthEvidence()
            self._node.get_logger().warning(
                f"the hands of operator {self._name!r} have not been measured yet: they are once depth sees them. "
                f"For that, {REMEDY}"
            )
            return
        self.size = self._folder.read(self._name)
        self._node.get_logger().info(f"hands are scaled to the {self.size}")

    def close(self) -> None:
        """Withdraw the service; a calibration in progress ends without a result."""
        self._stop_timer()
        self._node.destroy_service(self._service)

    def observe(
        self, hands: tuple[Hand, ...], image_shape: tuple[int, ...], applied: OperatorSize | None, seconds: float
    ) -> None:
        """Take in the hands of an image, which were scaled to the size `applied` and then moved by depth.

        Called by the worker. `seconds` are those of a steady clock.
        """
        if not self._name:
            return
        factors = size_factors(hands, image_shape, 1.0 if applied is None else applied.scale)
        with self._lock:
            if self._evidence is not None:
                self._evidence.add(factors, seconds)
                duration = self._parameters.current.calibration_time
                if self._timer is None and self._evidence.duration >= duration:
                    self._learn()
            if self.size is not None:
                self._monitor.look_at(factors, seconds)
                self._look_for_contradiction(self.size)

    def statuses(self) -> list[DiagnosticStatus]:
        """For /diagnostics; none without an operator."""
        return [self._status()] if self._name else []

    def _status(self) -> DiagnosticStatus:
        with self._lock:
            size, evidence, problem = self.size, self._evidence, self._problem or self._contradiction
        if evidence is not None:
            problem = problem or f"measuring the hands of {self._name}: {REMEDY}"
        return DiagnosticStatus(
            level=DiagnosticStatus.WARN if problem else DiagnosticStatus.OK,
            name="operator",
            message=problem or str(size),
            values=[
                KeyValue(key="operator", value=self._name),
                KeyValue(key="palm length [mm]", value="unknown" if size is None else f"{1000 * size.palm_length:.1f}"),
                KeyValue(key="sigma [mm]", value="unknown" if size is None else f"{1000 * size.sigma:.1f}"),
                KeyValue(key="measurements now", value="none" if evidence is None else str(evidence.count)),
            ],
        )

    def _calibrate(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        refusal = self._refusal()
        if refusal:
            response.success, response.message = False, refusal
            return response
        duration = self._parameters.current.calibration_time
        with self._lock:
            self._evidence, self._problem = DepthEvidence(), ""
            self._timer = self._node.create_timer(duration, self._finish, clock=STEADY_CLOCK)
        response.success = True
        response.message = (
            f"measuring the hands of {self._name} for {duration:g} s: {REMEDY}. The result comes in the log and in "
            "/diagnostics"
        )
        self._node.get_logger().info(response.message)
        return response

    def _refusal(self) -> str:
        """Why no calibration can start; empty: it can."""
        if not self._name:
            return "nobody to calibrate: set the parameter operator to the operator's name before configuring the node"
        if not self._has_depth:
            return (
                "one camera alone has no scale: start the node with depth:=true, or measure the palm with a ruler and "
                f"use `handos calibrate {self._name} --palm-length METRES`"
            )
        if self._timer is not None:
            return "a calibration is in progress: wait for its end"
        return ""

    def _finish(self) -> None:
        """End of a calibration that was asked for."""
        self._stop_timer()
        with self._lock:
            if self._evidence is not None and not self._learn():
                count, self._evidence = self._evidence.count, DepthEvidence() if self.size is None else None
                self._problem = (
                    f"the hands of {self._name} could not be measured: depth saw them {count} times, "
                    f"{MIN_MEASUREMENTS} are needed; {REMEDY}, entirely in the image, or raise calibration_time"
                )
                self._node.get_logger().error(self._problem)

    def _learn(self) -> bool:
        """Take and keep what was measured, if it is enough."""
        estimate = None if self._evidence is None else self._evidence.estimate()
        if estimate is None:
            return False
        length, sigma = ASSUMED_PALM_LENGTH * estimate.factor, ASSUMED_PALM_LENGTH * estimate.sigma
        self._evidence = None
        try:
            size = OperatorSize(self._name, length, sigma, estimate.measurements, "depth", date.today())
            self.size, self._problem, self._contradiction, self._monitor = size, "", "", SizeMonitor()
            self._node.get_logger().info(f"hands are scaled to the {size}, kept in {self._folder.write(size)}")
        except (OSError, ValueError) as error:
            self._problem = f"the hands of {self._name} were measured, but not kept: {error}"
            self._node.get_logger().error(self._problem)
        return True

    def _look_for_contradiction(self, size: OperatorSize) -> None:
        seen = self._monitor.contradiction(size.scale)
        if seen is None:
            self._contradiction = ""
            return
        self._contradiction = (
            f"depth sees hands with palms of {1000 * ASSUMED_PALM_LENGTH * seen.factor:.0f} mm, but the {size}: name "
            "the operator who is there, or measure again with ~/calibrate"
        )
        self._node.get_logger().warning(self._contradiction, throttle_duration_sec=WARNING_PERIOD)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None
