"""The node of this checkout against that of another, such as yesterday's: images answered, latency, memory, start-up.

    git worktree add /tmp/before c8d1a3d
    scripts/with_ros.sh python benchmarks/node_versions.py --image hands.jpg --peer /tmp/before --out FILE.json

Three processes or more on one machine: `camera_driver.py` publishes raw images like each camera's driver, the node
finds their hands, and this one counts. All have the profile for large images. Both nodes run one after the other for
each case, several times, on the messages and packages of this checkout. `--weights` names a network that takes almost
no time, as in `node_overhead.py`: benchmarks/node_versions_free_processor.json.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import rclpy
import typer
from lost_images import LAST_DIAGNOSTICS, OWN_DOMAIN, PATIENCE, milliseconds, running
from node_overhead import cpu_milliseconds, memory_mib
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from handos_model.files.atomic_write import atomic_write
from handos_ros.msg import HandArray
from handos_ros.topics.large_images import profile_environment
from handos_ros.topics.names import in_camera_namespace
from handos_ros.topics.qos import HANDS_QOS, MARKERS_QOS, OVERLAY_QOS

HERE: Final = Path(__file__).parents[1]
SECONDS: Final = 4.0
"""Of images per run."""
SETTLING: Final = 0.5
"""Seconds for both sides to know of each other."""
OUTPUTS: Final = {"overlay": (Image, OVERLAY_QOS), "markers": (MarkerArray, MARKERS_QOS)}


@dataclass(frozen=True)
class Case:
    """What is sent and listened to."""

    size: str
    rate: float
    """Hz, of each camera."""
    cameras: tuple[str, ...] = ("",)
    outputs: tuple[str, ...] = ()
    beside: int = 0
    """Other programs that compute all the time, as on a robot whose processor is shared."""


CASES: Final = (
    Case("640x480", 30.0),
    Case("640x480", 30.0, outputs=("overlay", "markers")),
    Case("640x480", 30.0, cameras=("left", "right")),
    Case("1280x720", 60.0),
    Case("1280x720", 60.0, outputs=("overlay",)),
    Case("1280x720", 60.0, outputs=("overlay", "markers")),
    Case("1280x720", 60.0, outputs=("overlay", "markers"), beside=2),
)


@dataclass(frozen=True)
class Run:
    """Results of one case and one version of the node; times in milliseconds."""

    ready: float
    """From the start of the process to the first image being welcome."""
    answered: float
    """Fraction of the images whose hands were received, 0..1."""
    answered_of_worst_camera: float
    frames_per_second: float
    """Hands received, of all cameras."""
    latency_median: float
    """From receiving an image to publishing its hands."""
    latency_p95: float
    arrival_median: float
    """From the image's stamp to the arrival of its hands."""
    arrival_p95: float
    longest_gap: float
    """Between the arrivals of two HandArrays of the same camera."""
    outputs: float
    """Overlays that were received, as a fraction of the HandArrays; 0 where nobody listened."""
    cpu: float
    """Processor time of the node per answered image, all threads."""
    memory_mib: float
    """Resident memory of the node at the end."""


class Listener(Node):
    """Receives what the node publishes."""

    def __init__(self, case: Case) -> None:
        super().__init__("node_versions")
        self.hands: dict[str, list[tuple[HandArray, int]]] = {camera: [] for camera in case.cameras}
        """By camera: messages, and the nanoseconds at which they arrived."""
        self.overlays = 0
        for camera in case.cameras:
            self.create_subscription(HandArray, _topic(camera, "hands"), self._store(camera), HANDS_QOS)
            for name in case.outputs:
                kind, qos = OUTPUTS[name]
                # Raw, because deserialising costs time in this process, not in the node.
                self.create_subscription(kind, _topic(camera, name), self._count(name), qos, raw=True)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def wait_for_the_node(self) -> None:
        """Wait until nothing that the node publishes is missed."""
        while not all(self.count_publishers(_topic(camera, "hands")) for camera in self.hands):
            self.receive(0.1)
        self.receive(SETTLING)

    def receive(self, seconds: float) -> None:
        """Receive for some time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def close(self) -> None:
        """Unsubscribe."""
        self._executor.shutdown()
        self.destroy_node()

    def _store(self, camera: str) -> Callable[[HandArray], None]:
        return lambda message: self.hands[camera].append((message, self.get_clock().now().nanoseconds))

    def _count(self, name: str) -> Callable[[bytes], None]:
        def count(_: bytes) -> None:
            self.overlays += name == "overlay"

        return count


def main(
    image: Annotated[Path, typer.Option(metavar="FILE", help="Image to send.")],
    peer: Annotated[Path, typer.Option(metavar="FOLDER", help="The other checkout.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Default: each version's shipped.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of each case and version.")] = 2,
    cases: Annotated[list[int] | None, typer.Option("--case", metavar="N", help="Only these; default: all.")] = None,
) -> None:
    """Run both nodes alternately."""
    os.environ |= {**OWN_DOMAIN, **profile_environment(os.environ)}
    rclpy.init()
    versions = {"peer": peer.resolve(), "this": HERE}
    chosen = [CASES[number] for number in cases] if cases else CASES
    runs: dict[Case, dict[str, list[Run]]] = {case: {name: [] for name in versions} for case in chosen}
    for _ in range(rounds):
        for case, results in runs.items():
            for name, folder in versions.items():
                results[name].append(_measure(case, image.resolve(), folder, weights and weights.resolve()))
                typer.echo(f"{name:<4} {case}: {results[name][-1]}")
    rclpy.try_shutdown()
    report = {
        "machine": f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} at the end",
        "network": "one that takes almost no time" if weights else "each version's shipped network",
        "rounds": rounds,
        "seconds_per_run": SECONDS,
        "rows": [_row(case, results) for case, results in runs.items()],
    }
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _row(case: Case, results: Mapping[str, list[Run]]) -> dict[str, Any]:
    """Medians over the rounds, and their ratios."""
    medians = {
        name: {
            entry.name: round(float(np.median([getattr(run, entry.name) for run in runs])), 3) for entry in fields(Run)
        }
        for name, runs in results.items()
    }
    ratios = {name: round(medians["this"][name] / value, 3) for name, value in medians["peer"].items() if value}
    return {**asdict(case), **medians, "this_over_peer": ratios}


def _measure(case: Case, image: Path, folder: Path, weights: Path | None) -> Run:
    count = round(SECONDS * case.rate)
    listener = Listener(case)
    with ExitStack() as stack:
        node, ready = stack.enter_context(_running_node(case, folder, weights))
        listener.wait_for_the_node()
        for _ in range(case.beside):
            stack.enter_context(running(["-c", "while True: pass"], os.environ))
        cpu = cpu_milliseconds(node.pid)
        drivers = [stack.enter_context(_running_driver(case, image, camera, count)) for camera in case.cameras]
        while any(driver.poll() is None for driver in drivers):
            listener.receive(0.1)
        listener.receive(LAST_DIAGNOSTICS)
        cpu = cpu_milliseconds(node.pid) - cpu
        memory = memory_mib(node.pid)
    run = _run(listener, count, ready=ready, cpu=cpu, memory=memory)
    listener.close()
    return run


def _run(listener: Listener, count: int, *, ready: float, cpu: float, memory: float) -> Run:
    messages = [entry for hands in listener.hands.values() for entry in hands]
    latencies = [milliseconds(message.received, message.finished) for message, _ in messages]
    arrivals = [
        (arrived - message.header.stamp.sec * 10**9 - message.header.stamp.nanosec) / 1e6
        for message, arrived in messages
    ]
    gaps = [np.diff([arrived for _, arrived in hands]) for hands in listener.hands.values()]
    return Run(
        ready=ready,
        answered=len(messages) / count / len(listener.hands),
        answered_of_worst_camera=min(map(len, listener.hands.values())) / count,
        frames_per_second=len(messages) / SECONDS,
        latency_median=float(np.median(latencies)),
        latency_p95=float(np.percentile(latencies, 95)),
        arrival_median=float(np.median(arrivals)),
        arrival_p95=float(np.percentile(arrivals, 95)),
        longest_gap=float(np.concatenate(gaps).max()) / 1e6,
        outputs=listener.overlays / len(messages),
        cpu=cpu / len(messages),
        memory_mib=memory,
    )


@contextmanager
def _running_node(case: Case, folder: Path, weights: Path | None) -> Iterator[tuple["subprocess.Popen[str]", float]]:
    """The node of a checkout, and the milliseconds until it was ready."""
    parameters = ["-p", f"weights:={weights}"] if weights else []
    parameters += ["-p", f"cameras:=[{', '.join(case.cameras)}]"] if case.cameras != ("",) else []
    # The messages of this checkout are used for both: they come behind on the path.
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{os.environ['PYTHONPATH']}"}
    start = time.monotonic()
    command = [sys.executable, "-m", "handos_ros.node", "--ros-args", *parameters]
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "ready: waiting for images" in line:
                break
        else:
            sys.exit(f"node_versions: the node of {folder} ended: run it by itself to see why")
        yield process, 1000 * (time.monotonic() - start)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@contextmanager
def _running_driver(case: Case, image: Path, camera: str, count: int) -> Iterator["subprocess.Popen[str]"]:
    script = str(Path(__file__).with_name("camera_driver.py"))
    options = ["--rate", str(case.rate), "--count", str(count), "--camera", camera]
    with running([script, str(image), case.size, *options], os.environ) as driver:
        yield driver


def _topic(camera: str, name: str) -> str:
    return f"/handos/{in_camera_namespace(camera, name)}"


if __name__ == "__main__":
    typer.run(main)
