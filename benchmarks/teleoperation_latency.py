"""From a camera's image to the command of a robot hand, over DDS, through the nodes handos and retarget.

    scripts/with_ros.sh python benchmarks/teleoperation_latency.py --image hands.jpg \
        --instant network.onnx --out benchmarks/teleoperation_latency.json

`network.onnx` is the network that `test/support/fixed_answer_graph.py` writes. It takes almost no time, like one that
runs on a GPU, and shows what the two nodes and DDS add. Latency is the time from publishing an image to receiving the
first JointState that follows it, matched by the image's stamp in the state of the same command. Both robot hands are
the generic one; commands leave 50 times a second, and once more with every image.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import rclpy
import typer
from camera_stand_in import CameraStandIn
from node_overhead import cpu_milliseconds, running_node, wait_for_node
from sensor_msgs.msg import JointState
from tqdm import tqdm

from handos_model import CameraIntrinsics
from handos_model.files.atomic_write import atomic_write
from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray
from handos_ros.msg import HandArray, TeleoperationState
from handos_ros.topics.large_images import profile_environment
from handos_ros.topics.qos import HANDS_QOS

RATE: Final = 30.0
"""Images per second."""
FAST_RATE: Final = 200.0
"""HandArrays per second, for measuring memory."""
WARM_UP: Final = 60
"""Images before measuring."""
Stamp = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """Results with one network; milliseconds."""

    network: str
    images: int
    answered: float
    """Fraction of the images that a command followed, 0..1."""
    hands_median: float
    """From publishing an image to receiving its HandArray."""
    hands_p95: float
    command_median: float
    """From publishing an image to receiving the first command that follows it."""
    command_p95: float
    retarget_cpu: float
    """Processor time of the node retarget, percent of one core: hands with meshes in, commands for two robot hands."""
    retarget_commands: float
    """JointStates per second and side."""
    load: float
    """Load average of the machine at the end of this row."""


class RobotStandIn(CameraStandIn):
    """A camera, and the robot hand that hears what follows from its images."""

    def __init__(self, side: str) -> None:
        super().__init__(CameraIntrinsics(600.0, 600.0, 320.0, 240.0))
        self.hands = self.create_publisher(HandArray, "/hands", HANDS_QOS)
        self._arrivals_of_commands: dict[Stamp, int] = {}
        self.command_delays: dict[Stamp, float] = {}
        """Milliseconds from the stamp of an image to the arrival of the first command that follows it."""
        self.commands = 0
        self.create_subscription(JointState, f"/retarget/{side}/joint_command", self._hear_command, HANDS_QOS)
        self.create_subscription(TeleoperationState, f"/retarget/{side}/state", self._hear_state, HANDS_QOS)

    def _hear_command(self, message: JointState) -> None:
        self.commands += 1
        self._arrivals_of_commands[_stamp(message)] = self.get_clock().now().nanoseconds

    def _hear_state(self, message: TeleoperationState) -> None:
        arrival = self._arrivals_of_commands.pop(_stamp(message), None)
        image = message.hand_stamp.sec, message.hand_stamp.nanosec
        if arrival is not None and message.state == TeleoperationState.ENGAGED:
            self.command_delays.setdefault(image, (arrival - image[0] * 10**9 - image[1]) / 1e6)

    def forget(self) -> None:
        """Forget what was heard."""
        self._arrivals_of_commands.clear()
        self.command_delays.clear()
        self.received.clear()
        self.commands = 0


def main(
    image: Annotated[Path, typer.Option(metavar="FILE", help="Image with a hand of the side.")],
    instant: Annotated[Path, typer.Option(metavar="FILE.onnx", help="Network that answers at once.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    side: Annotated[str, typer.Option(help="Hand of the image to wait for: left or right.")] = "right",
    images: Annotated[int, typer.Option(min=10, help="Images for each network.")] = 600,
    memory_messages: Annotated[int, typer.Option(min=0, help="HandArrays for measuring memory.")] = 10_000,
) -> None:
    """Measure latency, processor time and memory of teleoperation."""
    os.environ |= {
        **profile_environment(os.environ),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
    }
    sent = read_image(image)
    rclpy.init()
    robot = RobotStandIn(side)
    rows = [_measure(robot, sent, name, file, images) for name, file in (("instant", instant), ("shipped", None))]
    message, _ = robot.received[-1]
    with running_retarget("/hands") as process:
        before, after = _memory(robot, process.pid, message, memory_messages)
    report = {
        "machine": f"{os.cpu_count()} CPUs",
        "rate": RATE,
        "rows": [asdict(row) for row in rows],
        "memory": {"messages": memory_messages, "before_mib": before, "after_mib": after},
    }
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    rclpy.try_shutdown()


@contextmanager
def running_retarget(hands: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The node retarget in a process of its own, engaged, listening to a topic of hands."""
    parameters = ["-p", "engage:=auto", "-r", f"hands:={hands}"]
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "handos_ros.retarget", "--ros-args", *parameters]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _measure(robot: RobotStandIn, image: ImageArray, name: str, weights: Path | None, count: int) -> Row:
    with running_node(weights), running_retarget("/handos/hands") as process:
        robot.received.clear()
        wait_for_node(robot, image)
        _wait_for_commands(robot, image)
        robot.play(image, RATE, WARM_UP)
        robot.forget()
        cpu, start = cpu_milliseconds(process.pid), time.monotonic()
        robot.play(image, RATE, count)
        seconds = time.monotonic() - start
        cpu = cpu_milliseconds(process.pid) - cpu
        commands, hands = list(robot.command_delays.values()), [delay for _, delay in robot.received]
        row = Row(
            network=name,
            images=count,
            answered=len(commands) / count,
            hands_median=float(np.median(hands)),
            hands_p95=float(np.percentile(hands, 95)),
            command_median=float(np.median(commands)),
            command_p95=float(np.percentile(commands, 95)),
            retarget_cpu=cpu / seconds / 10,
            retarget_commands=robot.commands / seconds,
            load=os.getloadavg()[0],
        )
    typer.echo(row)
    return row


def _wait_for_commands(robot: RobotStandIn, image: ImageArray, timeout: float = 30.0) -> None:
    robot.forget()
    end = time.monotonic() + timeout
    while not robot.command_delays:
        if time.monotonic() > end:
            sys.exit(f"no commands within {timeout:g} s: is a hand of the side in the image?")
        robot.send(image)
        robot.receive(time.monotonic() + 1 / RATE)


def _memory(robot: RobotStandIn, pid: int, message: HandArray, count: int) -> tuple[float, float]:
    """MiB of the node retarget after its first HandArrays, and after `count` more."""
    before, start = 0.0, time.monotonic()
    for number in tqdm(range(count + count // 5), desc="memory", unit=" messages", disable=None):
        message.header.stamp = message.received = robot.get_clock().now().to_msg()
        robot.hands.publish(message)
        robot.receive(start + number / FAST_RATE)
        if number == count // 5:
            before = private_mib(pid)
            robot.forget()
    return before, private_mib(pid)


def private_mib(pid: int) -> float:
    """Memory of a process that it shares with no other: Fast DDS's shared memory is left out (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 2**10


def _stamp(message: JointState | TeleoperationState) -> Stamp:
    return message.header.stamp.sec, message.header.stamp.nanosec


if __name__ == "__main__":
    typer.run(main)
