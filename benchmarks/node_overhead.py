"""Overhead of the node over bare inference, measured in one run, with DDS between two processes.

    scripts/with_ros.sh python benchmarks/node_overhead.py --image hands.jpg --out benchmarks/node_overhead.json

With `--weights` and the network that `test/support/fixed_answer_graph.py` writes, which takes almost no time, the node
has the CPU to itself, as with a network on a GPU: benchmarks/node_overhead_free_processor.json.

Overhead is the time from receiving an image to publishing its hands, minus the median of bare inference on the same
image at the same rate in this process, because caches get cold between images. At the lowest rate the CPU is partly
idle; the higher rates may exceed its capacity. On a busy machine both depend on waiting for a core; the undisturbed
overhead compares the fastest tenth of the images instead. Images are published on the same machine, through the shared
memory that config/fastdds_large_images.xml sets up.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, cast

import cv2
import numpy as np
import rclpy
import typer
from camera_stand_in import CameraStandIn
from rclpy.time import Time
from std_msgs.msg import Header
from tqdm import tqdm

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.files.atomic_write import atomic_write
from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray
from handos_ros.messages.markers import HandMarkers
from handos_ros.topics.large_images import profile_environment

SIZES: Final = ((640, 480), (1280, 720))
RATES: Final = (10.0, 30.0, 60.0)
OUTPUTS: Final = ((), ("markers",), ("overlay",))
BARE_RUNS: Final = 100
WARM_UP: Final = 30
"""Images before measuring."""


@dataclass(frozen=True)
class Row:
    """Results of one configuration, in milliseconds unless noted."""

    width: int
    height: int
    rate: float
    """Hz."""
    outputs: str
    bare_median: float
    node_median: float
    """From receiving an image to publishing its hands."""
    overhead_median: float
    overhead_p95: float
    overhead_undisturbed: float
    """Difference of the 10th percentiles."""
    arrival_median: float
    """From the image's stamp to the arrival of its HandArray."""
    answered: float
    """Fraction of the images whose hands were received, 0..1."""
    possible: float
    """Fraction of the images that bare inference can process at this rate, 0..1."""
    bare_cpu: float
    """CPU time of bare inference per image, all threads."""
    node_cpu: float
    """CPU time of the node process per image, all threads."""
    memory_mib: float
    """Resident memory of the node at the end."""
    hands: int


def main(
    image: Annotated[Path, typer.Option(metavar="FILE", help="Image to send.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Default: the shipped network.")] = None,
    images: Annotated[int, typer.Option(min=10, help="Images per configuration.")] = 300,
    memory_images: Annotated[int, typer.Option(min=0, help="Images for measuring the growth of memory.")] = 0,
) -> None:
    """Measure the overhead of the node over bare inference."""
    os.environ |= {
        **profile_environment(os.environ),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
    }
    sent = read_image(image)
    pipeline = HandPipeline.load(weights)
    rclpy.init()
    with running_node(weights) as process:
        camera = CameraStandIn(CameraIntrinsics(600.0, 600.0, 320.0, 240.0))
        wait_for_node(camera, sent)
        rows = list(_measure_all(camera, process.pid, pipeline, sent, images))
        markers = _marker_milliseconds(pipeline, sent)
        typer.echo(f"markers of the image's hands: {markers:.2f} ms to build")
        growth = _memory_growth(camera, process.pid, sent, memory_images) if memory_images else None
    report = {
        "network": f"{pipeline.engine.properties.preset}, {pipeline.engine.description}",
        "machine": f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} at the end",
        "images_per_row": images,
        "markers_milliseconds": markers,
        "memory_growth_mib": growth,
        "memory_images": memory_images,
        "rows": [asdict(row) for row in rows],
    }
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    rclpy.try_shutdown()


@contextmanager
def running_node(weights: Path | None, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The node in a process of its own, with further arguments for ROS."""
    parameters = ["-p", f"weights:={weights}"] if weights else []
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "handos_ros.node", "--ros-args", *parameters, *arguments]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def wait_for_node(camera: CameraStandIn, image: ImageArray, timeout: float = 60.0) -> None:
    """Send images until hands come back."""
    end = time.monotonic() + timeout
    while not camera.received:
        if time.monotonic() > end:
            sys.exit(f"no hands from the node within {timeout:g} s: run it by itself to see why")
        camera.send(image)
        camera.receive(time.monotonic() + 0.2)


def _measure_all(
    camera: CameraStandIn, pid: int, pipeline: HandPipeline, image: ImageArray, count: int
) -> Iterator[Row]:
    for size, rate, outputs in itertools.product(SIZES, RATES, OUTPUTS):
        resized = cast(ImageArray, cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        row = _measure(camera, pid, pipeline, resized, rate, outputs, count)
        typer.echo(_format_row(row))
        yield row


def _measure(
    camera: CameraStandIn,
    pid: int,
    pipeline: HandPipeline,
    image: ImageArray,
    rate: float,
    outputs: tuple[str, ...],
    count: int,
) -> Row:
    times, bare_cpu = _bare_inference(pipeline, image, rate)
    bare = float(np.median(times))
    height, width = image.shape[:2]
    with camera.subscribed_to(outputs):
        camera.play(image, rate, WARM_UP)
        camera.received.clear()
        cpu = cpu_milliseconds(pid)
        camera.play(image, rate, count)
        cpu = cpu_milliseconds(pid) - cpu
    node = np.array([_milliseconds(hands.received, hands.finished) for hands, _ in camera.received])
    return Row(
        width=width,
        height=height,
        rate=rate,
        outputs="+".join(("hands", *outputs)),
        bare_median=bare,
        node_median=float(np.median(node)),
        overhead_median=float(np.median(node)) - bare,
        overhead_p95=float(np.percentile(node, 95)) - bare,
        overhead_undisturbed=float(np.percentile(node, 10) - np.percentile(times, 10)),
        arrival_median=float(np.median([delay for _, delay in camera.received])),
        answered=len(node) / count,
        possible=min(1.0, 1000 / (rate * bare)),
        bare_cpu=bare_cpu,
        node_cpu=cpu / len(node),
        memory_mib=memory_mib(pid),
        hands=len(camera.received[-1][0].hands),
    )


def _bare_inference(pipeline: HandPipeline, image: ImageArray, rate: float) -> tuple[list[float], float]:
    """Times and mean CPU time in milliseconds of inference on images that arrive at a rate."""
    camera = _assumed_camera(image)
    times: list[float] = []
    cpu = time.process_time()
    first = time.perf_counter()
    for k in range(BARE_RUNS):
        time.sleep(max(0.0, first + k / rate - time.perf_counter()))
        start = time.perf_counter()
        pipeline(image, camera)
        times.append(1000 * (time.perf_counter() - start))
    return times, 1000 * (time.process_time() - cpu) / BARE_RUNS


def _assumed_camera(image: ImageArray) -> CameraIntrinsics:
    height, width = image.shape[:2]
    return CameraIntrinsics.from_field_of_view(width, height, 60.0)


def _marker_milliseconds(pipeline: HandPipeline, image: ImageArray) -> float:
    """Median time to build the markers of an image's hands, meshes serialized, in this process."""
    hands = [replace(hand, id=number) for number, hand in enumerate(pipeline(image, _assumed_camera(image)))]
    builder, times = HandMarkers(pipeline.topology), []
    for _ in range(BARE_RUNS):
        start = time.perf_counter()
        builder.messages(hands, Header(frame_id="camera_optical_frame"))
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def _memory_growth(camera: CameraStandIn, pid: int, image: ImageArray, count: int) -> float:
    """Growth of the node's memory in MiB over `count` images, after 500 images of warm-up."""
    camera.play(image, 100.0, 500)
    before = memory_mib(pid)
    for _ in tqdm(range(count // 100), desc="memory", unit=" hundred images", disable=None):
        camera.play(image, 100.0, 100)
        camera.received.clear()
    return memory_mib(pid) - before


def _milliseconds(earlier: Any, later: Any) -> float:
    return (Time.from_msg(later) - Time.from_msg(earlier)).nanoseconds / 1e6


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_milliseconds(pid: int) -> float:
    """CPU time of a process, user and system (proc(5))."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return 1000 * (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _format_row(row: Row) -> str:
    return (
        f"{row.width}x{row.height} {row.rate:g} Hz {row.outputs:<14} bare {row.bare_median:6.2f} ms, node "
        f"{row.node_median:6.2f}, overhead {row.overhead_median:5.2f} (p95 {row.overhead_p95:5.2f}, undisturbed "
        f"{row.overhead_undisturbed:5.2f}), answered "
        f"{row.answered:.0%} of possible {row.possible:.0%}, CPU {row.bare_cpu:5.2f} bare, "
        f"{row.node_cpu:5.2f} node, {row.memory_mib:.0f} MiB"
    )


if __name__ == "__main__":
    typer.run(main)
