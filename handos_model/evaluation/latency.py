"""Latency and memory by backend, resolution and number of hands, step by step (`handos bench`)."""

import json
import multiprocessing
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np

from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.inference.backends.selection import Backend
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.preprocessing import letterbox

WARM_UP_RUNS: Final[int] = 10
"""Untimed runs: the first ones allocate memory and start threads."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds over many runs."""

    median: float
    slowest_tenth: float
    """The 90th percentile."""

    @classmethod
    def of_runs(cls, run: Callable[[], object], runs: int) -> "Latency":
        """Time `runs` calls of `run`."""
        if runs < 1:
            raise ValueError(f"a latency needs one timed run or more, got {runs}")
        for _ in range(WARM_UP_RUNS):
            run()
        milliseconds = [_milliseconds(run) for _ in range(runs)]
        return cls(float(np.median(milliseconds)), float(np.percentile(milliseconds, 90)))


@dataclass(frozen=True)
class Measurement:
    """One backend on images of one size, decoding one number of hands."""

    backend: str
    engine: str
    """Description of the engine."""
    width: int
    height: int
    hands: int
    """Number of decoded hands: as requested, or all slots of the network."""
    letterbox: Latency
    network: Latency
    whole: Latency
    """From the image to hands with meshes in metres."""
    peak_memory: float
    """Peak resident memory in MiB, of a process that does nothing else."""

    @property
    def frames_per_second(self) -> float:
        """Throughput of sequential images, from the median."""
        return 1000 / self.whole.median


@dataclass(frozen=True)
class LatencySetup:
    """Image, weights and combinations to measure.

    Parameters
    ----------
    image
        (H, W, 3) BGR; scaled to every resolution.
    weights
        ONNX file; ``None`` for the shipped weights.
    resolutions
        Width and height of the images.
    hands
        Numbers of hands to decode: the network's best slots, whatever their score, so that the amount of work does not
        depend on the image.
    runs
        Number of timed runs of each step.
    """

    image: ImageArray
    weights: Path | None
    resolutions: Sequence[tuple[int, int]]
    hands: Sequence[int]
    runs: int

    def measure(self, backend: Backend) -> list[Measurement]:
        """Measure a backend in a separate process, so that its memory is counted alone.

        Raises
        ------
        BackendError, FileNotFoundError, WeightsError
            As `HandPipeline.load`.
        """
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as process:
            return process.submit(self._measure_here, backend).result()

    def _measure_here(self, backend: Backend) -> list[Measurement]:
        measurements = []
        engine = HandPipeline.load(self.weights, backend, resolution="recommended").engine
        for width, height in self.resolutions:
            image = cast(ImageArray, cv2.resize(self.image, (width, height), interpolation=cv2.INTER_AREA))
            camera = CameraIntrinsics.from_field_of_view(width, height, 60)
            size = engine.properties.input_sizes.for_image(width, height)
            network_input, _ = letterbox(image, size)
            to_input = Latency.of_runs(partial(letterbox, image, size), self.runs)
            network = Latency.of_runs(partial(engine, network_input), self.runs)
            for count in self.hands:
                pipeline = HandPipeline(engine, score_threshold=0, max_hands=count)
                whole = Latency.of_runs(partial(pipeline, image, camera), self.runs)
                decoded = len(pipeline(image, camera))
                measurements.append(
                    Measurement(
                        backend, engine.description, width, height, decoded, to_input, network, whole, _peak_memory()
                    )
                )
        return measurements


def format_measurements(measurements: Sequence[Measurement]) -> str:
    """Format measurements in aligned columns; milliseconds are median / 90th percentile."""
    rows = [["backend", "image", "hands", "letterbox ms", "network ms", "image to hands ms", "frames/s", "MiB"]]
    for m in measurements:
        steps = [f"{step.median:.2f} / {step.slowest_tenth:.2f}" for step in (m.letterbox, m.network, m.whole)]
        size, rate, memory = f"{m.width}x{m.height}", f"{m.frames_per_second:.1f}", f"{m.peak_memory:.0f}"
        rows.append([m.backend, size, str(m.hands), *steps, rate, memory])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def write_measurements(measurements: Sequence[Measurement], path: Path) -> None:
    """Write measurements as JSON, together with `machine`."""
    report = {
        "machine": machine(),
        "measurements": [asdict(m) | {"frames_per_second": m.frames_per_second} for m in measurements],
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")


def machine() -> dict[str, str | int]:
    """System, CPU and cores of this machine."""
    cpu = next((line.split(": ")[1] for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"system": platform.platform(), "cpu": cpu, "cores": multiprocessing.cpu_count()}


def _peak_memory() -> float:
    # Not getrusage, whose maximum is inherited from the parent process.
    kilobytes = next(line.split()[1] for line in _lines("/proc/self/status") if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)
