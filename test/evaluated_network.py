"""What the network with a known answer sees in the pictures of benchmarks, and what their evaluation measured."""

import json
from pathlib import Path

import numpy as np

from handos_model.hand.hand import Hand
from handos_model.inference.pipeline import HandPipeline
from handos_model.io.frame import CameraIntrinsics

SMALL_CAMERA = CameraIntrinsics(480.0, 475.0, 112.0, 110.0)
CAMERA = CameraIntrinsics(614.6, 614.1, 320.3, 241.7)


def answer(weights: Path, width: int, height: int, camera: CameraIntrinsics) -> tuple[Hand, Hand]:
    """What the network says about any picture of this size: a right hand, then a left one."""
    right, left = HandPipeline.load(weights)(np.full((height, width, 3), 90, np.uint8), camera)
    return right, left


def measures_in(out: Path) -> dict[str, float]:
    measures: dict[str, float] = json.loads((out / "scores.json").read_text())["measures"]
    return measures
