"""The node as a process of its own, and a client that talks to it over DDS as a camera and as a subscriber."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.topology import HandTopology
from handos_ros.messages.image_messages import camera_info_message, image_message
from handos_ros.msg import HandArray

# Apart from every other robot and test on this machine. Children inherit it.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

PATIENCE = 30.0
"""Seconds for anything to happen: much longer than it takes, because test machines are busy."""
CAMERA = CameraIntrinsics(400.0, 410.0, 158.0, 121.0)
FRAME_ID = "left_camera_optical_frame"
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
LIT = np.full((240, 320, 3), 90, np.uint8)
"""Image in which the fixed answer's network sees its two hands."""


def write_weights(folder: Path) -> Path:
    """The network with the fixed answer."""
    # On first use: `colcon test` runs where onnx need not be installed.
    from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph

    topology = HandTopology.load()
    return write_fixed_answer_graph(folder / "network.onnx", two_hands(topology), metadata(topology.id))


class RosProcess:
    """A program of `handos_ros` in a process of its own; its output goes into a file."""

    def __init__(self, program: str, arguments: Sequence[object], log: Path) -> None:
        self._log = log
        self._output = log.open("wb")
        command = [sys.executable, "-m", f"handos_ros.{program}", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for_log(self, *texts: str) -> None:
        """Wait until all these texts have been logged."""
        wait_until(lambda: all(text in self.log for text in texts) or self.process.poll() is not None)
        missing = [text for text in texts if text not in self.log]
        assert not missing, f"{missing} not in the log:\n{self.log}"

    def wait(self) -> int:
        """Exit code of the program, which ends by itself."""
        return self.process.wait(PATIENCE)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(how)
        return self.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()


@contextmanager
def ros_process(program: str, *arguments: object, log: Path) -> Iterator[RosProcess]:
    """Run a program until the end of the block."""
    process = RosProcess(program, arguments, log)
    try:
        yield process
    finally:
        process.close()


@contextmanager
def running_node(weights: Path, *ros_arguments: object, log: Path) -> Iterator[RosProcess]:
    """Run the node until the end of the block; it is ready when the block starts."""
    with ros_process("node", "--ros-args", "-p", f"weights:={weights}", *ros_arguments, log=log) as process:
        process.wait_for_log("ready")
        yield process


class Client:
    """A camera and a subscriber in this process."""

    def __init__(self) -> None:
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = Node("client", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)

    def close(self) -> None:
        self.node.destroy_node()
        self._executor.shutdown()
        rclpy.shutdown(context=self.context)

    def collect(self, kind: type, topic: str, qos: QoSProfile = RELIABLE) -> list[Any]:
        """Subscribe; the list grows with what is received."""
        received: list[Any] = []
        self.node.create_subscription(kind, topic, received.append, qos)
        return received

    def call(self, kind: type, service: str, request: Any) -> Any:
        """Call a service and return its answer."""
        service_client = self.node.create_client(kind, service)
        self.until(service_client.service_is_ready)
        future = service_client.call_async(request)
        self.until(future.done)
        return future.result()

    def set_parameter(self, name: str, value: Any, node: str = "/handos") -> SetParametersResult:
        """Set a parameter of the node as `ros2 param set` does."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        (result,) = self.call(SetParameters, f"{node}/set_parameters", request).results
        return result

    def until(self, condition: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
        """Receive until `condition` holds, doing `step` again and again meanwhile."""

        def spin_and_check() -> object:
            step()
            self.spin(0.05)
            return condition()

        wait_until(spin_and_check)

    def spin(self, seconds: float) -> None:
        """Receive for some time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)


class TestCamera:
    """Publishes images and their camera_info."""

    __test__ = False

    def __init__(self, client: Client, image_topic: str = "/image", kind: type = Image) -> None:
        self._clock = client.node.get_clock()
        self.images = client.node.create_publisher(kind, image_topic, RELIABLE)
        self.infos = client.node.create_publisher(CameraInfo, f"{image_topic.rpartition('/')[0]}/camera_info", RELIABLE)

    def header(self) -> Header:
        return Header(stamp=self._clock.now().to_msg(), frame_id=FRAME_ID)

    def send(self, image: ImageArray = LIT, camera: CameraIntrinsics | None = CAMERA) -> Header:
        """Publish camera_info and image."""
        header = self.header()
        self.send_with(header, image, camera)
        return header

    def send_with(self, header: Header, image: ImageArray, camera: CameraIntrinsics | None) -> None:
        """Publish camera_info and image with this header."""
        if camera is not None:
            height, width = image.shape[:2]
            self.infos.publish(camera_info_message(camera, header, width, height))
        self.images.publish(image_message(image, header))


def stamp_of(message: HandArray | Header) -> tuple[int, int]:
    """Stamp of a message or a header, to compare."""
    header = message if isinstance(message, Header) else message.header
    return header.stamp.sec, header.stamp.nanosec


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"nothing happened in {seconds} seconds"
        time.sleep(0.01)
