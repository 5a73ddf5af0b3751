"""What the node costs on top of the network: bare inference and the node in one run, over DDS between two processes.

    scripts/with_ros.sh python benchmarks/node_overhead.py --image hands.jpg --out benchmarks/node_overhead.json

With `--weights` and the network that `test/fixed_answer_graph.py` writes, which answers at once, the processor is left
to the node, as it is where a GPU runs the network: benchmarks/node_overhead_free_processor.json.

Overhead is the time from receiving an image to publishing its hands, without the median of bare inference on the same
picture at the same rate in this process: a processor that waits between images has forgotten half of what it needs.
The lowest rate leaves it time to wait; the higher ones may be more than it can do. On a busy machine waiting for a core
decides both; the undisturbed overhead compares the fastest tenth of the images instead. Images are published from
here, on the same machine, with the shared memory that config/fastdds_large_images.xml gives.
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
from handos_model.io.frame import ImageArray
from handos_model.io.source import read_image
from handos_ros.markers import HandMarkers

SIZES: Final = ((640, 480), (1280, 720))
RATES: Final = (10.0, 30.0, 60.0)
OUTPUTS: Final = ((), ("markers",), ("overlay",))
BARE_RUNS: Final = 100
WARM_UP: Final = 30
"""Images before counting."""


@dataclass(frozen=True)
class Row:
    """One configuration, in milliseconds where nothing else is said."""

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
    """Between the 10th percentiles."""
    arrival_median: float
    """From the image's stamp to the HandArray's arrival here."""
    answered: float
    """Part of the images sent, 0..1."""
    possible: float
    """The same for bare inference at this rate, 0..1."""
    bare_cpu: float
    """CPU time of bare inference per image, all threads."""
    node_cpu: float
    """CPU time of the node process per image, all threads."""
    memory_mib: float
    """Resident memory of the node at the end."""
    hands: int


def main(
    image: Annotated[Path, typer.Option(metavar="FILE", help="Picture to send.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the numbers go.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    images: Annotated[int, typer.Option(min=10, help="Images per configuration.")] = 300,
    memory_images: Annotated[int, typer.Option(min=0, help="Images over which the memory must not grow.")] = 0,
) -> None:
    """Measure what the node costs on top of the network."""
    os.environ |= {
        "FASTDDS_DEFAULT_PROFILES_FILE": str(Path(__file__).parents[1] / "config" / "fastdds_large_images.xml"),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
    }
    picture = read_image(image)
    pipeline = HandPipeline.load(weights)
    rclpy.init()
    with _node(weights) as process:
        stand_in = CameraStandIn(CameraIntrinsics(600.0, 600.0, 320.0, 240.0))
        _wait_for_first_answer(stand_in, picture)
        rows = []
        for width, height in SIZES:
            resized = cast(ImageArray, cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
            for rate in RATES:
                for outputs in OUTPUTS:
                    rows.append(_measure(stand_in, process.pid, pipeline, resized, rate, outputs, images))
                    typer.echo(_line(rows[-1]))
        markers = _marker_milliseconds(pipeline, picture)
        typer.echo(f"markers of the picture's hands: {markers:.2f} ms to build")
        growth = _memory_growth(stand_in, process.pid, picture, memory_images) if memory_images else None
    report = {
        "network": f"{pipeline.engine.properties.preset}, {pipeline.engine.description}",
        "machine": f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} at the end",
        "images_per_row": images,
        "markers_milliseconds": markers,
        "memory_growth_mib": growth,
        "memory_images": memory_images,
        "rows": [asdict(row) for row in rows],
    }
    partial = out.with_suffix(".partial")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(out)
    rclpy.try_shutdown()


@contextmanager
def _node(weights: Path | None) -> Iterator["subprocess.Popen[bytes]"]:
    parameters = ["-p", f"weights:={weights}"] if weights else []
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "handos_ros.node", "--ros-args", *parameters]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _wait_for_first_answer(stand_in: CameraStandIn, picture: ImageArray, patience: float = 60.0) -> None:
    end = time.monotonic() + patience
    while not stand_in.answers:
        if time.monotonic() > end:
            sys.exit(f"no answer from the node within {patience:g} s: run it by itself to see why")
        stand_in.send(picture)
        stand_in.receive(time.monotonic() + 0.2)


def _measure(
    stand_in: CameraStandIn,
    pid: int,
    pipeline: HandPipeline,
    picture: ImageArray,
    rate: float,
    outputs: tuple[str, ...],
    count: int,
) -> Row:
    times, bare_cpu = _bare(pipeline, picture, rate)
    bare = float(np.median(times))
    height, width = picture.shape[:2]
    with stand_in.subscribed_to(outputs):
        stand_in.play(picture, rate, WARM_UP)
        stand_in.answers.clear()
        cpu = _cpu_milliseconds(pid)
        stand_in.play(picture, rate, count)
        cpu = _cpu_milliseconds(pid) - cpu
    node = np.array([_milliseconds(answer.received, answer.finished) for answer, _ in stand_in.answers])
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
        arrival_median=float(np.median([arrival for _, arrival in stand_in.answers])),
        answered=len(node) / count,
        possible=min(1.0, 1000 / (rate * bare)),
        bare_cpu=bare_cpu,
        node_cpu=cpu / len(node),
        memory_mib=_memory_mib(pid),
        hands=len(stand_in.answers[-1][0].hands),
    )


def _bare(pipeline: HandPipeline, picture: ImageArray, rate: float) -> tuple[list[float], float]:
    """Times and mean CPU time of inference on pictures that come at a rate, milliseconds."""
    camera = _assumed_camera(picture)
    times: list[float] = []
    cpu = time.process_time()
    first = time.perf_counter()
    for k in range(BARE_RUNS):
        time.sleep(max(0.0, first + k / rate - time.perf_counter()))
        start = time.perf_counter()
        pipeline(picture, camera)
        times.append(1000 * (time.perf_counter() - start))
    return times, 1000 * (time.process_time() - cpu) / BARE_RUNS


def _assumed_camera(picture: ImageArray) -> CameraIntrinsics:
    height, width = picture.shape[:2]
    return CameraIntrinsics.from_field_of_view(width, height, 60.0)


def _marker_milliseconds(pipeline: HandPipeline, picture: ImageArray) -> float:
    """Median time to build the markers of a picture's hands, meshes serialized, in this process."""
    hands = [replace(hand, id=number) for number, hand in enumerate(pipeline(picture, _assumed_camera(picture)))]
    builder, times = HandMarkers(pipeline.topology), []
    for _ in range(BARE_RUNS):
        start = time.perf_counter()
        builder.messages(hands, Header(frame_id="camera_optical_frame"))
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def _memory_growth(stand_in: CameraStandIn, pid: int, picture: ImageArray, count: int) -> float:
    """MiB by which the node's memory grows over `count` images after it has settled."""
    stand_in.play(picture, 100.0, 500)
    before = _memory_mib(pid)
    for _ in tqdm(range(count // 100), desc="memory", unit=" hundred images", disable=None):
        stand_in.play(picture, 100.0, 100)
        stand_in.answers.clear()
    return _memory_mib(pid) - before


def _milliseconds(earlier: Any, later: Any) -> float:
    return (Time.from_msg(later) - Time.from_msg(earlier)).nanoseconds / 1e6


def _memory_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _cpu_milliseconds(pid: int) -> float:
    """CPU time of a process so far, user and system (proc(5))."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return 1000 * (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _line(row: Row) -> str:
    return (
        f"{row.width}x{row.height} {row.rate:g} Hz {row.outputs:<14} bare {row.bare_median:6.2f} ms, node "
        f"{row.node_median:6.2f}, overhead {row.overhead_median:5.2f} (p95 {row.overhead_p95:5.2f}, undisturbed "
        f"{row.overhead_undisturbed:5.2f}), answered "
        f"{row.answered:.0%} of possible {row.possible:.0%}, CPU {row.bare_cpu:5.2f} bare, "
        f"{row.node_cpu:5.2f} node, {row.memory_mib:.0f} MiB"
    )


if __name__ == "__main__":
    typer.run(main)
