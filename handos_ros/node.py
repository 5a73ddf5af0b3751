"""The node `handos`: images in, hands out, under a managed lifecycle."""

import gc
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos_overriding_options import InvalidQosOverridesError
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Header

from handos_model import HandPipeline
from handos_ros.camera import Camera
from handos_ros.diagnostics import CameraCondition, camera_status, node_status
from handos_ros.hand_finder import HandFinder
from handos_ros.log_forwarding import forward_logs
from handos_ros.messages import topology_message
from handos_ros.msg import HandTopology
from handos_ros.outputs import CameraOutputs
from handos_ros.parameters import declare_parameters
from handos_ros.receive_buffers import keep_receive_buffers
from handos_ros.spinning import Stop, spin_on
from handos_ros.statistics import ErrorStatistics
from handos_ros.topics import LATCHED_QOS
from handos_ros.worker import CameraWork, Worker
from handos_ros.wrist_broadcaster import WristBroadcaster

SUCCESS: Final = TransitionCallbackReturn.SUCCESS
FAILURE: Final = TransitionCallbackReturn.FAILURE

EXPECTED_ERRORS: Final = (OSError, ValueError, ParameterException, InvalidQosOverridesError)
"""Mistakes of the user, whose message says all that there is to say."""
DIAGNOSTICS_PERIOD: Final = 1.0
"""Seconds."""


class HandosNode(LifecycleNode):
    """Runs the pipeline on the newest image of every camera and publishes the hands.

    configure loads the network and advertises, activate subscribes to the cameras, deactivate and cleanup undo it. The
    executor's thread only receives; a worker thread does everything else, one image at a time.

    Raises
    ------
    ValueError, ParameterException
        If a parameter cannot be used.
    """

    def __init__(self) -> None:
        super().__init__("handos")
        forward_logs(self.get_logger())
        self.parameters = declare_parameters(self)
        self.errors = ErrorStatistics()
        self._pipeline: HandPipeline | None = None
        self._work: dict[str, CameraWork] = {}
        self._cameras: list[Camera] = []
        self._worker: Worker | None = None
        self._activated = 0.0
        self._topology_publisher: Publisher[HandTopology] | None = None
        self._slow_since: dict[str, float] = {}
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(DIAGNOSTICS_PERIOD, self._publish_diagnostics)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._use_parameters)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the network and advertise the topics."""
        return self._attempt("configured", self._configure, self._cleanup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the cameras and start working."""
        return self._attempt("activated", self._activate, self._deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Leave the cameras alone; the network stays loaded."""
        self._deactivate()
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give the network's memory back and withdraw the topics."""
        self._cleanup()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End everything, from any state."""
        self._deactivate()
        self._cleanup()
        return SUCCESS

    def destroy_node(self) -> None:
        """Let the worker finish its image, then destroy everything."""
        self._deactivate()
        super().destroy_node()

    def _attempt(self, name: str, step: Callable[[], None], undo: Callable[[], None]) -> TransitionCallbackReturn:
        """Take a step of the lifecycle; if it fails, say why and undo what was done, so that it can be retried."""
        try:
            step()
        except Exception as error:
            if self.context.ok():  # otherwise a signal came meanwhile
                expected = isinstance(error, EXPECTED_ERRORS)
                self.errors.add(str(error))
                self.get_logger().error(f"not {name}: {error if expected else traceback.format_exc()}")
            undo()
            return FAILURE
        return SUCCESS

    def _configure(self) -> None:
        parameters = self.parameters
        self.get_logger().info(f"loading the network {parameters.weights or 'that is shipped'}")
        start = time.monotonic()
        self._pipeline = HandPipeline.load(
            parameters.weights_file,
            parameters.backend,  # type: ignore[arg-type]
            mano=parameters.mano_file,
        )
        self.get_logger().info(
            f"loaded in {time.monotonic() - start:.1f} s, runs on {self._pipeline.engine.description}"
        )
        wrists = WristBroadcaster(self) if parameters.tf else None
        topology = self._pipeline.topology
        for name in parameters.cameras:
            self._work[name] = CameraWork(CameraOutputs(self, name, topology, wrists))
        self._topology_publisher = self.create_publisher(HandTopology, "~/topology", LATCHED_QOS)
        self._topology_publisher.publish(topology_message(topology))

    def _activate(self) -> None:
        assert self._pipeline is not None
        finder = HandFinder(self._pipeline, self.parameters, self.get_logger())
        work = {name: CameraWork(work.outputs) for name, work in self._work.items()}
        worker = Worker(self, finder, work, self.errors, self.parameters)
        self._work, self._worker, self._activated = work, worker, time.monotonic()
        for name in work:
            self._cameras.append(Camera(self, name, self.parameters, worker.deliver))
        topics = ", ".join(f"{camera.image_topic} with {camera.info_topic}" for camera in self._cameras)
        self.get_logger().info(f"ready: waiting for images on {topics}")

    def _deactivate(self) -> None:
        for camera in self._cameras:
            camera.close()
        self._cameras.clear()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
        self._slow_since.clear()

    def _cleanup(self) -> None:
        for work in self._work.values():
            work.outputs.close()
        self._work = {}
        if self._topology_publisher is not None:
            self.destroy_publisher(self._topology_publisher)
            self._topology_publisher = None
        self._pipeline = None
        gc.collect()  # the network's memory is freed now, not some time later

    def _check_parameters(self, changes: "Sequence[Parameter[Any]]") -> SetParametersResult:
        try:
            self.parameters.changed(changes, only_live=self._pipeline is not None)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _use_parameters(self, changes: "Sequence[Parameter[Any]]") -> None:
        self.parameters = self.parameters.changed(changes, only_live=False)
        if self._worker is not None:
            self._worker.use(self.parameters)

    def _publish_diagnostics(self) -> None:
        statuses = [node_status(self._state(), self._network(), self.errors, time.monotonic())]
        if self._worker is not None:
            statuses += [camera_status(self._condition(camera, self._worker)) for camera in self._cameras]
        self._diagnostics.publish(
            DiagnosticArray(header=Header(stamp=self.get_clock().now().to_msg()), status=statuses)
        )

    def _condition(self, camera: Camera, worker: Worker) -> CameraCondition:
        now, statistics = time.monotonic(), self._work[camera.name].statistics
        if (statistics.latency(95) or 0.0) > self.parameters.latency_limit:
            self._slow_since.setdefault(camera.name, now)
        else:
            self._slow_since.pop(camera.name, None)
        return CameraCondition(
            name=camera.name,
            image_topic=camera.image_topic,
            statistics=statistics,
            received=camera.loss.received,
            lost=camera.loss.lost,
            dropped=worker.dropped(camera.name),
            image_age=now - (camera.last_image or self._activated),
            latency_limit=self.parameters.latency_limit,
            slow_for=now - self._slow_since.get(camera.name, now),
        )

    def _state(self) -> str:
        if self._worker is not None:
            return "active"
        return "unconfigured" if self._pipeline is None else "inactive"

    def _network(self) -> str:
        return "" if self._pipeline is None else self._pipeline.engine.description


def main() -> None:
    """Run the node until a signal comes; mistakes of the user end in one line and exit code 1."""
    keep_receive_buffers()
    stop = Stop.on_signals()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = HandosNode()
    except (ValueError, ParameterException) as error:
        sys.exit(f"handos_node: {error}")
    try:
        if not node.parameters.autostart or _started(node):
            spin_on(node, stop, node.errors.add)
        elif not stop.requested:
            sys.exit(1)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _started(node: HandosNode) -> bool:
    return node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS


if __name__ == "__main__":
    main()
