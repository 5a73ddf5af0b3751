"""Parity of an exported network with its weights: compares their outputs on images (`handos export --check`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from handos_model.architecture.contract import NetworkOutput
from handos_model.architecture.handos import HandOS
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine
from handos_model.inference.preprocessing import letterbox

_TOLERANCE = 1e-3
_TOLERANCE_HALF = 5e-3
"""Maximum difference of vertices in metres, in single and in half precision."""


@dataclass(frozen=True)
class Parity:
    """Maximum differences over all hands of all images."""

    hands: int
    scores: float
    joints_2d: float
    """Input pixels."""
    vertices: float
    """Metres."""

    def __str__(self) -> str:
        return (
            f"{self.hands} hand slots differ by at most {1000 * self.vertices:.3f} mm in their vertices, "
            f"{self.joints_2d:.3f} pixels in their joints, {self.scores:.5f} in their scores"
        )


def require_parity(model: HandOS, exported: Path, images: Iterable[ImageArray], *, half: bool) -> Parity:
    """Measure parity and check it against the tolerance.

    Raises
    ------
    ArithmeticError
        If vertices differ by more than the tolerance of the precision.
    """
    parity = measure_parity(model, exported, images)
    tolerance = _TOLERANCE_HALF if half else _TOLERANCE
    # A network whose output is NaN is not equal to anything.
    if not parity.vertices <= tolerance:
        raise ArithmeticError(
            f"{exported} differs from its weights: {parity}; at most {1000 * tolerance:g} mm are allowed. Look for "
            "operators that this version of torch or ONNX Runtime computes differently"
        )
    return parity


def measure_parity(model: HandOS, exported: Path, images: Iterable[ImageArray]) -> Parity:
    """Run both on every image and compare their hands.

    Queries with nearly equal scores may be ordered differently by the two runtimes, so every slot is compared with the
    slot with the closest joints. Slots with score 0, or below the recommended score, are left out: which of many
    unlikely queries fill them depends on rounding.
    """
    engine = OnnxRuntimeEngine(exported)
    differences = [np.zeros((0, 3))]
    for image in tqdm(images, desc="compare", unit="image"):
        height, width = image.shape[:2]
        network_input, _ = letterbox(image, engine.properties.input_sizes.for_image(width, height))
        with torch.no_grad():
            expected = NetworkOutput(*(tensor.numpy() for tensor in model(torch.from_numpy(network_input))))
        differences.append(_differences(expected, engine(network_input), engine.properties.score_threshold))
    rows = np.concatenate(differences)
    if not len(rows):
        raise ValueError(
            f"no image has a hand with a score of {engine.properties.score_threshold} or more: give images of hands, "
            "or lower the score threshold"
        )
    return Parity(len(rows), *rows.max(axis=0).tolist())


def _differences(expected: NetworkOutput, actual: NetworkOutput, min_score: float) -> npt.NDArray[np.float64]:
    """(N, 3) differences of scores, joints_2d and vertices, for the N slots that hold a hand."""
    rows = []
    for slot in np.flatnonzero((expected.scores > 0) & (expected.scores >= min_score)):
        distances = np.abs(actual.joints_2d - expected.joints_2d[slot]).max(axis=(1, 2))
        other = int(distances.argmin())
        score = abs(actual.scores[other] - expected.scores[slot])
        vertices = np.abs(actual.vertices[other] - expected.vertices[slot]).max()
        rows.append((score, distances[other], vertices))
    return np.array(rows, np.float64).reshape(-1, 3)
