"""Images lost between a camera's driver and the node, with and without the profile of Fast DDS that this package ships.

    scripts/with_ros.sh python benchmarks/lost_images.py --image hands.jpg --stand-in FILE.onnx --out FILE.json

Three processes on one machine: `camera_driver.py` publishes raw images at 30 Hz, the node finds their hands, and this
one counts. `--stand-in` names a network that takes almost no time, such as the one that
`test/support/fixed_answer_graph.py` writes: the node then has the processor to itself, as with a network on a GPU.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import rclpy
import typer
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.time import Time

from handos_model.files.atomic_write import atomic_write
from handos_ros.msg import HandArray
from handos_ros.topics.large_images import profile_environment
from handos_ros.topics.qos import HANDS_QOS

SIZES: Final = ("640x480", "1280x720")
RATE: Final = 30.0
"""Hz."""
SIDES: Final = ((), ("camera",), ("node",), ("camera", "node"))
"""Processes that have the profile."""
PATIENCE: Final = 90.0
"""Seconds for the node to start, and for the driver to end."""
LAST_DIAGNOSTICS: Final = 1.3
"""Seconds for the hands of the last image and the diagnostics after them to arrive; they come once per second."""
# Linux gives no other program the ports of the domains 0..101 and 215..232; tests take the lower ones.
OWN_DOMAIN: Final = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(215 + os.getpid() % 18)}
DEFAULT_TRANSPORT: Final = {"FASTDDS_BUILTIN_TRANSPORTS": "DEFAULT"}


@dataclass(frozen=True)
class Row:
    """Results of one case; times in milliseconds."""

    size: str
    network: str
    profile: str
    """Processes that had the shipped profile."""
    sent: int
    rate: float
    """Hz, as achieved by the driver."""
    received: int
    """Images that reached the node."""
    lost: int
    reported_lost: int
    """What the node's diagnostics say of them."""
    answered: int
    """Images whose hands were received."""
    latency_median: float
    """From receiving an image to publishing its hands."""
    latency_p95: float
    arrival_median: float
    """From the image's stamp to the arrival of its hands."""
    status: str
    """Of the camera in the last diagnostics, with the default latency_limit."""


class Counter(Node):
    """Receives the node's hands and diagnostics."""

    def __init__(self) -> None:
        super().__init__("lost_images")
        self.latencies: list[float] = []
        self.arrivals: list[float] = []
        self.camera: DiagnosticStatus | None = None
        self.create_subscription(HandArray, "/handos/hands", self._receive_hands, HANDS_QOS)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._receive_diagnostics, 10)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def wait_until_active(self) -> None:
        """Wait until the node says so."""
        end = time.monotonic() + PATIENCE
        while self.camera is None:
            if time.monotonic() > end:
                sys.exit(f"lost_images: the node was not active within {PATIENCE:g} s: run it by itself to see why")
            self._executor.spin_once(timeout_sec=0.1)

    def receive_while(self, driver: "subprocess.Popen[str]") -> None:
        """Receive until the driver has ended and the last messages have arrived."""
        while driver.poll() is None:
            self._executor.spin_once(timeout_sec=0.1)
        end = time.monotonic() + LAST_DIAGNOSTICS
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def _receive_hands(self, message: HandArray) -> None:
        self.latencies.append(milliseconds(message.received, message.finished))
        self.arrivals.append(milliseconds(message.header.stamp, self.get_clock().now().to_msg()))

    def _receive_diagnostics(self, message: DiagnosticArray) -> None:
        cameras = [status for status in message.status if ": camera" in status.name]
        if cameras:
            self.camera = cameras[0]


def main(
    image: Annotated[Path, typer.Option(metavar="FILE", help="Image to send.")],
    stand_in: Annotated[Path, typer.Option(metavar="FILE.onnx", help="Network that takes almost no time.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    count: Annotated[int, typer.Option(min=10, help="Images per case.")] = 300,
    sizes: Annotated[list[str] | None, typer.Option("--size", metavar="WxH", help="Default: VGA and 720p.")] = None,
) -> None:
    """Count the images that are lost with the profile on neither, either and both sides."""
    os.environ |= OWN_DOMAIN | DEFAULT_TRANSPORT
    rclpy.init()
    rows = []
    for (name, weights), size, sides in itertools.product(
        (("stand-in", stand_in), ("shipped", None)), sizes or SIZES, SIDES
    ):
        rows.append(_measure(image, name, weights, size, sides, count))
        typer.echo(_format_row(rows[-1]))
    rclpy.try_shutdown()
    report = {
        "machine": f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} at the end",
        "rows": [asdict(row) for row in rows],
    }
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _measure(image: Path, network: str, weights: Path | None, size: str, sides: tuple[str, ...], count: int) -> Row:
    counter = Counter()
    arguments = ["--ros-args", "-p", f"weights:={weights}"] if weights else []
    with running(["-m", "handos_ros.node", *arguments], _environment("node" in sides)):
        counter.wait_until_active()
        script = str(Path(__file__).with_name("camera_driver.py"))
        command = [script, str(image), size, "--rate", str(RATE), "--count", str(count)]
        with running(command, _environment("camera" in sides)) as driver:
            counter.receive_while(driver)
            sent, seconds = driver.communicate()[0].split()
    row = _row(counter, network, size, sides, int(sent), float(seconds))
    counter.destroy_node()
    return row


def _row(counter: Counter, network: str, size: str, sides: tuple[str, ...], sent: int, seconds: float) -> Row:
    status = counter.camera
    assert status is not None, "it was waited for"
    values = {value.key: value.value for value in status.values}
    received = int(values["frames in"])
    return Row(
        size=size,
        network=network,
        profile=" and ".join(sides) or "none",
        sent=sent,
        rate=sent / seconds,
        received=received,
        lost=sent - received,
        reported_lost=int(values["frames lost on the way"]),
        answered=len(counter.latencies),
        latency_median=_percentile(counter.latencies, 50),
        latency_p95=_percentile(counter.latencies, 95),
        arrival_median=_percentile(counter.arrivals, 50),
        status=status.message,
    )


def _environment(has_profile: bool) -> Mapping[str, str]:
    """Of a process with the profile, or with Fast DDS's default transport although programs set the profile."""
    environment = {name: value for name, value in os.environ.items() if name not in DEFAULT_TRANSPORT}
    return environment | (profile_environment(environment) if has_profile else DEFAULT_TRANSPORT)


@contextmanager
def running(arguments: list[str], environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A Python process, terminated at the end of the block; its log goes nowhere."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def milliseconds(earlier: Any, later: Any) -> float:
    """Between two times of messages."""
    return (Time.from_msg(later) - Time.from_msg(earlier)).nanoseconds / 1e6


def _percentile(values: list[float], percentile: float) -> float:
    return round(float(np.percentile(values, percentile)), 2) if values else 0.0


def _format_row(row: Row) -> str:
    return (
        f"{row.network:<8} {row.size:<9} profile: {row.profile:<15} {row.sent} sent at {row.rate:.1f} Hz, "
        f"{row.received} received, {row.lost} lost ({row.reported_lost} reported), {row.answered} answered, latency "
        f"{row.latency_median:.1f} / p95 {row.latency_p95:.1f} ms, arrival {row.arrival_median:.1f} ms; {row.status}"
    )


if __name__ == "__main__":
    typer.run(main)
