"""Whether an exported network answers like the weights that it was made from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from handos_model.architecture.handos import HandOS
from handos_model.inference.engine import EngineOutput
from handos_model.inference.onnxruntime_engine import OnnxRuntimeEngine
from handos_model.inference.preprocessing import letterbox
from handos_model.io.frame import ImageArray

_TOLERANCE = 1e-3
_TOLERANCE_HALF = 5e-3
"""Metres that vertices may differ, in single and in half precision."""


@dataclass(frozen=True)
class Parity:
    """The largest differences over all hands of all images."""

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
    """Measure parity.

    Raises
    ------
    ArithmeticError
        If vertices differ more than the file's precision explains.
    """
    parity = measure_parity(model, exported, images)
    tolerance = _TOLERANCE_HALF if half else _TOLERANCE
    if parity.vertices > tolerance:
        raise ArithmeticError(
            f"{exported} does not answer like its weights: {parity}; {1000 * tolerance:g} mm are allowed. Look for "
            "operators that this version of torch or ONNX Runtime computes otherwise"
        )
    return parity


def measure_parity(model: HandOS, exported: Path, images: Iterable[ImageArray]) -> Parity:
    """Run both on every image and compare the hands that both say are the same.

    Two queries whose scores nearly tie may change places between runtimes, so every slot is compared with the slot
    whose joints are nearest. Slots of score 0, or below what the file recommends, hold no hand and are left out: which
    of many unlikely ones fill them is decided by the last bit.
    """
    engine = OnnxRuntimeEngine(exported)
    differences = [np.zeros((0, 3))]
    for image in tqdm(images, desc="compare", unit="image"):
        height, width = image.shape[:2]
        network_input, _ = letterbox(image, engine.properties.input_sizes.fitting(width, height))
        with torch.no_grad():
            wanted = EngineOutput(*(tensor.numpy() for tensor in model(torch.from_numpy(network_input))))
        differences.append(_differences(wanted, engine(network_input), engine.properties.score_threshold))
    rows = np.concatenate(differences)
    if not len(rows):
        raise ValueError(
            f"no image has a hand with a score of {engine.properties.score_threshold} or more: name pictures of hands "
            "to compare, or lower the score threshold"
        )
    return Parity(len(rows), *rows.max(axis=0).tolist())


def _differences(wanted: EngineOutput, given: EngineOutput, least_score: float) -> npt.NDArray[np.float64]:
    """(N, 3) of scores, joints_2d and vertices for the N used slots."""
    rows = []
    for slot in np.flatnonzero((wanted.scores > 0) & (wanted.scores >= least_score)):
        distances = np.abs(given.joints_2d - wanted.joints_2d[slot]).max(axis=(1, 2))
        other = int(distances.argmin())
        score = abs(given.scores[other] - wanted.scores[slot])
        vertices = np.abs(given.vertices[other] - wanted.vertices[slot]).max()
        rows.append((score, distances[other], vertices))
    return np.array(rows, np.float64).reshape(-1, 3)
