"""How long a picture takes by backend, resolution and number of hands, step by step, and how much memory."""

import json
import multiprocessing
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np

from handos_model.inference.backends import Backend
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.preprocessing import letterbox
from handos_model.io.frame import CameraIntrinsics, ImageArray

WARM_UP_RUNS: Final[int] = 10
"""Runs before the clock counts: the first ones allocate memory and wake the threads."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds of many runs."""

    median: float
    slowest_tenth: float
    """The 90th percentile."""

    @classmethod
    def of_runs(cls, run: Callable[[], object], runs: int) -> "Latency":
        """Call `run` so many times and look at the clock."""
        for _ in range(WARM_UP_RUNS):
            run()
        milliseconds = [_milliseconds(run) for _ in range(runs)]
        return cls(float(np.median(milliseconds)), float(np.percentile(milliseconds, 90)))


@dataclass(frozen=True)
class Measurement:
    """One backend on pictures of one size, reading one number of hands."""

    backend: str
    engine: str
    """What the engine says that it is."""
    width: int
    height: int
    hands: int
    """Hands read; as many as asked for, or as the network has slots."""
    letterbox: Latency
    network: Latency
    whole: Latency
    """From picture to hands with meshes in metres."""
    peak_memory: float
    """MiB resident at most, of a process that does nothing else."""

    @property
    def frames_per_second(self) -> float:
        """Of one picture after the other, by the median."""
        return 1000 / self.whole.median


@dataclass(frozen=True)
class LatencyBenchmark:
    """What is measured.

    Parameters
    ----------
    image
        (H, W, 3) BGR; scaled to every resolution.
    weights
        ONNX file; ``None`` takes the one that is shipped.
    resolutions
        Width and height of the pictures.
    hands
        Numbers of hands to read: the network's best slots, whatever their score, so that the work does not depend on
        what is in the picture.
    runs
        How often each step is timed.
    """

    image: ImageArray
    weights: Path | None
    resolutions: Sequence[tuple[int, int]]
    hands: Sequence[int]
    runs: int

    def measure(self, backend: Backend) -> list[Measurement]:
        """Measure a backend in a process of its own, so that its memory is its own.

        Raises
        ------
        BackendError, FileNotFoundError, WeightsError
            As `HandPipeline.load`.
        """
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as process:
            return process.submit(self._measure_here, backend).result()

    def _measure_here(self, backend: Backend) -> list[Measurement]:
        return list(self._measurements(backend))

    def _measurements(self, backend: Backend) -> Iterator[Measurement]:
        engine = HandPipeline.load(self.weights, backend).engine
        for width, height in self.resolutions:
            image = cast(ImageArray, cv2.resize(self.image, (width, height), interpolation=cv2.INTER_AREA))
            camera = CameraIntrinsics.from_field_of_view(width, height, 60)
            size = engine.properties.input_sizes.fitting(width, height)
            network_input, _ = letterbox(image, size)
            to_input = Latency.of_runs(partial(letterbox, image, size), self.runs)
            network = Latency.of_runs(partial(engine, network_input), self.runs)
            for count in self.hands:
                pipeline = HandPipeline(engine, score_threshold=0, max_hands=count)
                whole = Latency.of_runs(partial(pipeline, image, camera), self.runs)
                read = len(pipeline(image, camera))
                yield Measurement(
                    backend, engine.description, width, height, read, to_input, network, whole, _peak_memory()
                )


def table_of(measurements: Sequence[Measurement]) -> str:
    """Measurements in aligned columns; milliseconds are median / 90th percentile."""
    rows = [["backend", "picture", "hands", "letterbox ms", "network ms", "picture to hands ms", "frames/s", "MiB"]]
    for m in measurements:
        steps = [f"{step.median:.2f} / {step.slowest_tenth:.2f}" for step in (m.letterbox, m.network, m.whole)]
        size, rate, memory = f"{m.width}x{m.height}", f"{m.frames_per_second:.1f}", f"{m.peak_memory:.0f}"
        rows.append([m.backend, size, str(m.hands), *steps, rate, memory])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def write_measurements(measurements: Sequence[Measurement], path: Path) -> None:
    """Write them as JSON together with the machine's name, beside `path` first."""
    report = {
        "machine": machine(),
        "measurements": [asdict(m) | {"frames_per_second": m.frames_per_second} for m in measurements],
    }
    unfinished = path.with_name(f"{path.name}.partial")
    unfinished.write_text(json.dumps(report, indent=2) + "\n")
    unfinished.replace(path)


def machine() -> dict[str, str | int]:
    """What the numbers were measured on."""
    cpu = next((line.split(": ")[1] for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"system": platform.platform(), "cpu": cpu, "cores": multiprocessing.cpu_count()}


def _peak_memory() -> float:
    # Not getrusage: its maximum is inherited from the process that started this one.
    kilobytes = next(line.split()[1] for line in _lines("/proc/self/status") if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)
