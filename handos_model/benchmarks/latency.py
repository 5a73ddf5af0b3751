"""How long a picture takes, step by step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

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


def measure_latency(pipeline: HandPipeline, image: ImageArray, runs: int) -> dict[str, Latency]:
    """Latency of the steps and of the whole, picture to hands, for one picture.

    Parameters
    ----------
    pipeline
        What is measured; a `score_threshold` of 0 makes it read all hands that the network has slots for.
    image
        (H, W, 3) BGR.
    runs
        How often each is run.
    """
    height, width = image.shape[:2]
    camera = CameraIntrinsics.from_field_of_view(width, height, 60)
    engine = pipeline.engine
    network_input, _ = letterbox(image, engine.properties.input_size)
    return {
        "letterbox": Latency.of_runs(lambda: letterbox(image, engine.properties.input_size), runs),
        "network": Latency.of_runs(lambda: engine(network_input), runs),
        "picture to hands": Latency.of_runs(lambda: pipeline(image, camera), runs),
    }


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)
