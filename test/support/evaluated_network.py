"""Hands that a network with a fixed output predicts for the images of data sets, and the scores of an evaluation."""

import json
from pathlib import Path

import numpy as np

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.inference.pipeline import HandPipeline

SMALL_CAMERA = CameraIntrinsics(480.0, 475.0, 112.0, 110.0)
CAMERA = CameraIntrinsics(614.6, 614.1, 320.3, 241.7)


def predicted_hands(weights: Path, width: int, height: int, camera: CameraIntrinsics) -> tuple[Hand, Hand]:
    """Hands predicted for any image of this size: a right one, then a left one."""
    right, left = HandPipeline.load(weights)(np.full((height, width, 3), 90, np.uint8), camera)
    return right, left


def measures_in(out: Path) -> dict[str, float]:
    """Measures in scores.json of an evaluation's output folder."""
    measures: dict[str, float] = json.loads((out / "scores.json").read_text())["measures"]
    return measures
