"""The node `handos`: images in, hands out, under a managed lifecycle."""

import ctypes
import math
import time
from typing import Final

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.publisher import Publisher

from handos_model import HandPipeline
from handos_ros.clocks.stamps import simulated_nanoseconds
from handos_ros.diagnostics.node_log import WARNING_PERIOD
from handos_ros.diagnostics.statuses import CameraCondition, camera_status, node_status
from handos_ros.estimation.camera_stream import CameraStream
from handos_ros.estimation.hand_estimator import HandEstimator
from handos_ros.estimation.operator_calibration import OperatorCalibration
from handos_ros.estimation.worker import Worker
from handos_ros.lifecycle.managed_node import ManagedNode, run_managed_node
from handos_ros.messages.hand_messages import topology_message
from handos_ros.msg import HandTopology
from handos_ros.outputs.optional_outputs import OptionalOutputs
from handos_ros.parameters.node_parameters import NodeParameters
from handos_ros.topics.qos import LATCHED_QOS

PROGRAM: Final = "handos_node"
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Options of the C library's mallopt."""


class HandosNode(ManagedNode[NodeParameters]):
    """Estimates the hands in the newest image of every camera and publishes them.

    configure loads the network and advertises, activate subscribes to the cameras, deactivate and cleanup undo it. The
    executor's thread only receives; the worker's threads do everything else, one image at a time.

    Raises
    ------
    ValueError, ParameterException
        If a parameter cannot be used.
    """

    def __init__(self) -> None:
        self._pipeline: HandPipeline | None = None
        self._outputs = OptionalOutputs()
        self._streams: list[CameraStream] = []
        self._worker: Worker | None = None
        self._operator: OperatorCalibration | None = None
        self._topology_publisher: Publisher[HandTopology] | None = None
        super().__init__("handos", NodeParameters)

    def configure(self) -> None:
        """Load the network and advertise the topics."""
        parameters = self.live_parameters.current
        self._operator = OperatorCalibration(self, self.live_parameters)
        self._outputs = OptionalOutputs.of(self, parameters)
        self.get_logger().info(f"loading the {parameters.weights or 'shipped'} network")
        start = time.monotonic()
        pipeline = HandPipeline.load(
            parameters.weights_file,
            parameters.backend,  # type: ignore[arg-type]
            mano=parameters.mano_file,
            resolution=parameters.resolution or None,
        )
        self.get_logger().info(f"loaded in {time.monotonic() - start:.1f} s, runs on {pipeline.engine.description}")
        self._pipeline = pipeline
        for name in parameters.cameras:
            self._streams.append(CameraStream(self, name, parameters, pipeline.topology, self._outputs))
        self._topology_publisher = self.create_publisher(HandTopology, "~/topology", LATCHED_QOS)
        self._topology_publisher.publish(topology_message(pipeline.topology))

    def activate(self) -> None:
        """Subscribe to the cameras and start the worker."""
        assert self._pipeline is not None
        assert self._operator is not None
        self._worker = Worker(self, HandEstimator(self._pipeline, self._operator), self.live_parameters, self.errors)
        for stream in self._streams:
            stream.subscribe(self._worker.deliver)
        topics = ", ".join(f"{stream.image_topic} with {stream.info_topic}" for stream in self._streams)
        self.get_logger().info(f"ready: waiting for images on {topics}")

    def deactivate(self) -> None:
        """Unsubscribe from the cameras and let the worker finish its image; the network stays loaded."""
        for stream in self._streams:
            stream.unsubscribe()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def cleanup(self) -> None:
        """Free the network's memory and withdraw the topics."""
        for stream in self._streams:
            stream.close()
        self._streams.clear()
        self._outputs.close()
        self._outputs = OptionalOutputs()
        if self._topology_publisher is not None:
            self.destroy_publisher(self._topology_publisher)
            self._topology_publisher = None
        if self._operator is not None:
            self._operator.close()
            self._operator = None
        self._pipeline = None

    def statuses(self) -> list[DiagnosticStatus]:
        """Of the node, the operator and, while the node is active, the cameras."""
        now = time.monotonic()
        backend = "not loaded" if self._pipeline is None else self._pipeline.engine.description
        details = {"backend": backend}
        statuses = [node_status(self.lifecycle, self.errors, now, details, problem=self._clock_problem())]
        if self._operator is not None:
            statuses += self._operator.statuses()
        if self._worker is not None:
            statuses += [camera_status(self._condition(stream, now)) for stream in self._streams]
        return statuses

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
            is_paused=stream.is_paused,
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


def main() -> None:
    """Run the node until a signal arrives; a user's mistake ends in one line and exit code 1."""
    _keep_receive_buffers()
    run_managed_node(HandosNode, PROGRAM)


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
