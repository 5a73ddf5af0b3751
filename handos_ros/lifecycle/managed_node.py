"""`ManagedNode`: the habits that all nodes of this package share, and `run_managed_node`."""

import gc
import sys
import traceback
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final, Generic, Literal, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos_overriding_options import InvalidQosOverridesError
from std_msgs.msg import Header

from handos_ros.clocks.stamps import STEADY_CLOCK
from handos_ros.diagnostics.counters import ErrorCounters
from handos_ros.diagnostics.node_log import forward_logs
from handos_ros.diagnostics.statuses import named_after
from handos_ros.lifecycle.ros_command import started_ros
from handos_ros.lifecycle.spinning import spin_until
from handos_ros.parameters.live_parameters import LiveParameters
from handos_ros.parameters.parameter_set import ParameterSet

Lifecycle = Literal["unconfigured", "inactive", "active"]
Parameters = TypeVar("Parameters", bound=ParameterSet)

SUCCESS: Final = TransitionCallbackReturn.SUCCESS
FAILURE: Final = TransitionCallbackReturn.FAILURE

USER_ERRORS: Final = (OSError, ValueError, ModuleNotFoundError, ParameterException, InvalidQosOverridesError)
"""Mistakes of the user, whose message says everything."""
DIAGNOSTICS_PERIOD: Final = 1.0
"""Seconds."""


class ManagedNode(LifecycleNode, Generic[Parameters]):
    """A lifecycle node whose failed steps are explained, undone and can be retried, with a status once a second.

    Parameters
    ----------
    name
        Of the node, before remapping.
    parameters
        The class of its parameters.

    Raises
    ------
    ValueError, ParameterException
        If a parameter cannot be used.
    """

    def __init__(self, name: str, parameters: type[Parameters]) -> None:
        super().__init__(name)
        forward_logs(self.get_logger())
        self.errors = ErrorCounters()
        self.lifecycle: Lifecycle = "unconfigured"
        self.live_parameters = LiveParameters(self, parameters)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(DIAGNOSTICS_PERIOD, self._publish_diagnostics, clock=STEADY_CLOCK)

    @abstractmethod
    def configure(self) -> None:
        """Load what is needed and advertise the topics."""

    @abstractmethod
    def activate(self) -> None:
        """Begin to receive."""

    @abstractmethod
    def deactivate(self) -> None:
        """Undo `activate`, also where it failed half-way."""

    @abstractmethod
    def cleanup(self) -> None:
        """Undo `configure`, also where it failed half-way."""

    @abstractmethod
    def statuses(self) -> list[DiagnosticStatus]:
        """What /diagnostics says, before the node's name is put in front."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure, as ROS asks for."""
        if not self._attempt("configured", self.configure):
            self._clean_up()
            return FAILURE
        self.lifecycle, self.live_parameters.only_live = "inactive", True
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate, as ROS asks for."""
        self.lifecycle = "active"
        if not self._attempt("activated", self.activate):
            self._deactivate()
            return FAILURE
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate, as ROS asks for."""
        self._deactivate()
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up, as ROS asks for."""
        self._clean_up()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate and clean up, from any state."""
        self._deactivate()
        self._clean_up()
        return SUCCESS

    def destroy_node(self) -> None:
        """Stop what is running, then destroy everything."""
        self._deactivate()
        super().destroy_node()

    def _attempt(self, name: str, step: Callable[[], None]) -> bool:
        """Take a step of the lifecycle; if it fails, log why and return False."""
        try:
            step()
        except Exception as error:
            if self.context.ok():  # otherwise the step failed because a signal arrived
                self.errors.add(str(error))
                reason = error if _is_users(error) else traceback.format_exc()
                self.get_logger().error(f"not {name}: {reason}")
            return False
        return True

    def _deactivate(self) -> None:
        if self.lifecycle == "active":
            self.deactivate()
            self.lifecycle = "inactive"

    def _clean_up(self) -> None:
        self.cleanup()
        self.lifecycle, self.live_parameters.only_live = "unconfigured", False
        gc.collect()  # frees a network's memory now, not some time later

    def _publish_diagnostics(self) -> None:
        named = named_after(self.get_fully_qualified_name(), self.statuses())
        self._diagnostics.publish(DiagnosticArray(header=Header(stamp=self.get_clock().now().to_msg()), status=named))


def run_managed_node(make: "Callable[[], ManagedNode[Any]]", program: str) -> None:
    """Run a node until a signal arrives; a user's mistake ends in one line and exit code 1.

    Parameters
    ----------
    make
        The node's class.
    program
        Name of the program, for its messages.
    """
    with started_ros(program) as stop:
        try:
            node = make()
        except (ValueError, ParameterException) as error:
            sys.exit(f"{program}: {error}")
        try:
            if not node.live_parameters.current.autostart or _start(node):
                spin_until(stop, node, node.errors.add)
            elif not stop.is_set:
                sys.exit(1)
        finally:
            node.destroy_node()


def _is_users(error: Exception) -> bool:
    # rclpy has no exception class for a quality of service that does not exist.
    return isinstance(error, USER_ERRORS) or str(error).startswith("Unexpected QoS override")


def _start(node: "ManagedNode[Any]") -> bool:
    return node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS
