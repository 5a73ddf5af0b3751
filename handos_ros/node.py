"""The node `handos`: images in, hands out, under a managed lifecycle."""

import ctypes
import gc
import math
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos_overriding_options import InvalidQosOverridesError
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Header

from handos_model import HandPipeline
from handos_ros.camera_stream import WARNING_PERIOD, CameraStream
from handos_ros.counters import ErrorCounters
from handos_ros.diagnostics import CameraCondition, camera_status, node_status
from handos_ros.hand_estimator import HandEstimator
from handos_ros.log_forwarding import forward_logs
from handos_ros.messages import topology_message
from handos_ros.msg import HandTopology
from handos_ros.parameters import LiveParameters
from handos_ros.spinning import StopRequest, spin_until
from handos_ros.stamps import STEADY_CLOCK, simulated_nanoseconds
from handos_ros.topics import LATCHED_QOS
from handos_ros.worker import Worker
from handos_ros.wrist_broadcaster import WristBroadcaster

SUCCESS: Final = TransitionCallbackReturn.SUCCESS
FAILURE: Final = TransitionCallbackReturn.FAILURE

USER_ERRORS: Final = (OSError, ValueError, ParameterException, InvalidQosOverridesError)
"""Mistakes of the user, whose message says everything."""
DIAGNOSTICS_PERIOD: Final = 1.0
"""Seconds."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Options of the C library's mallopt."""


class HandosNode(LifecycleNode):
    """Estimates the hands in the newest image of every camera and publishes them.

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
        self.live_parameters = LiveParameters(self)
        self.errors = ErrorCounters()
        self._pipeline: HandPipeline | None = None
        self._streams: list[CameraStream] = []
        self._worker: Worker | None = None
        self._topology_publisher: Publisher[HandTopology] | None = None
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(DIAGNOSTICS_PERIOD, self._publish_diagnostics, clock=STEADY_CLOCK)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the network and advertise the topics."""
        return self._attempt("configured", self._configure, self._cleanup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the cameras and start the worker."""
        return self._attempt("activated", self._activate, self._deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe from the cameras; the network stays loaded."""
        self._deactivate()
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the network's memory and withdraw the topics."""
        self._cleanup()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and free everything, from any state."""
        self._deactivate()
        self._cleanup()
        return SUCCESS

    def destroy_node(self) -> None:
        """Let the worker finish its image, then destroy everything."""
        self._deactivate()
        super().destroy_node()

    def _attempt(self, name: str, step: Callable[[], None], undo: Callable[[], None]) -> TransitionCallbackReturn:
        """Take a step of the lifecycle; if it fails, log why and undo it, so that it can be retried."""
        try:
            step()
        except Exception as error:
            if self.context.ok():  # otherwise the step failed because a signal arrived
                self.errors.add(str(error))
                reason = error if _is_users(error) else traceback.format_exc()
                self.get_logger().error(f"not {name}: {reason}")
            undo()
            return FAILURE
        return SUCCESS

    def _configure(self) -> None:
        parameters = self.live_parameters.current
        self.get_logger().info(f"loading the {parameters.weights or 'shipped'} network")
        start = time.monotonic()
        pipeline = HandPipeline.load(
            parameters.weights_file,
            parameters.backend,  # type: ignore[arg-type]
            mano=parameters.mano_file,
        )
        self.get_logger().info(f"loaded in {time.monotonic() - start:.1f} s, runs on {pipeline.engine.description}")
        self._pipeline, self.live_parameters.only_live = pipeline, True
        wrists = WristBroadcaster(self) if parameters.tf else None
        for name in parameters.cameras:
            self._streams.append(CameraStream(self, name, parameters, pipeline.topology, wrists))
        self._topology_publisher = self.create_publisher(HandTopology, "~/topology", LATCHED_QOS)
        self._topology_publisher.publish(topology_message(pipeline.topology))

    def _activate(self) -> None:
        assert self._pipeline is not None
        self._worker = Worker(self, HandEstimator(self._pipeline), self.live_parameters, self.errors)
        for stream in self._streams:
            stream.subscribe(self._worker.deliver)
        topics = ", ".join(f"{stream.image_topic} with {stream.info_topic}" for stream in self._streams)
        self.get_logger().info(f"ready: waiting for images on {topics}")

    def _deactivate(self) -> None:
        for stream in self._streams:
            stream.unsubscribe()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def _cleanup(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams.clear()
        if self._topology_publisher is not None:
            self.destroy_publisher(self._topology_publisher)
            self._topology_publisher = None
        self._pipeline, self.live_parameters.only_live = None, False
        gc.collect()  # frees the network's memory now, not some time later

    def _publish_diagnostics(self) -> None:
        now = time.monotonic()
        network = "" if self._pipeline is None else self._pipeline.engine.description
        statuses = [node_status(self._state(), network, self.errors, now, problem=self._clock_problem())]
        if self._worker is not None:
            statuses += [camera_status(self._condition(stream, now)) for stream in self._streams]
        self._diagnostics.publish(
            DiagnosticArray(header=Header(stamp=self.get_clock().now().to_msg()), status=statuses)
        )

    def _condition(self, stream: CameraStream, now: float) -> CameraCondition:
        latency_limit = self.live_parameters.current.latency_limit
        return CameraCondition(
            name=stream.name,
            image_topic=stream.image_topic,
            counters=stream.counters,
            silent_for=stream.silent_for(now),
            latency_limit=latency_limit,
            slow_for=stream.counters.seconds_over(latency_limit, now),
            bad_stamp_for=math.inf if stream.counters.stamps.when is None else now - stream.counters.stamps.when,
            image=stream.image_monitor.condition,
        )

    def _clock_problem(self) -> str:
        """Why the node's clock cannot be used; empty: it can."""
        if simulated_nanoseconds(self) != 0:
            return ""
        problem = (
            "use_sim_time is true, but no time has come on /clock: play the bag with --clock, start the simulator, or "
            "set use_sim_time to false"
        )
        self.get_logger().warning(problem, throttle_duration_sec=WARNING_PERIOD)
        return problem

    def _state(self) -> str:
        if self._worker is not None:
            return "active"
        return "unconfigured" if self._pipeline is None else "inactive"


def main() -> None:
    """Run the node until a signal arrives; a user's mistake ends in one line and exit code 1."""
    _keep_receive_buffers()
    stop = StopRequest.on_signals()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = HandosNode()
    except (ValueError, ParameterException) as error:
        sys.exit(f"handos_node: {error}")
    try:
        if not node.live_parameters.current.autostart or _start(node):
            spin_until(stop, node, node.errors.add)
        elif not stop.is_set:
            sys.exit(1)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _is_users(error: Exception) -> bool:
    # rclpy has no exception class for a quality of service that does not exist.
    return isinstance(error, USER_ERRORS) or str(error).startswith("Unexpected QoS override")


def _start(node: HandosNode) -> bool:
    return node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS


def _keep_receive_buffers() -> None:
    """Tell malloc to keep blocks of up to 32 MiB instead of returning them to the system after every image.

    Allocating them again costs more than a millisecond of page faults per 640 x 480 image. Where the C library has no
    `mallopt`, images are received as before, only slower.
    """
    library = ctypes.CDLL(None)  # the C library that this process already uses
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        library.mallopt(_M_TRIM_THRESHOLD, 256 << 20)


if __name__ == "__main__":
    main()
