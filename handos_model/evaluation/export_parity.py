"""Parity of an exported network with its weights: compares their outputs on images (`handos export --check`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from handos_model.architecture.contract import MIN_DECODED_SCORE, NetworkOutput
from handos_model.architecture.handos import HandOS
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.onnxruntime_engine import OnnxRuntimeEngine
from handos_model.inference.preprocessing import letterbox

Precision = Literal["single", "half", "int8"]

_TOLERANCES: Final[dict[Precision, float]] = {"single": 1e-3, "half": 5e-3, "int8": 3e-3}
"""Difference of vertices in metres: the largest, for int8 the mean, because hands that are hardly seen differ more."""
_ROUNDING: Final = 0.05
"""Scores this far above a threshold are above it in every precision."""


@dataclass(frozen=True)
class Parity:
    """Maximum differences over all hands of all images, and the mean of one."""

    hands: int
    scores: float
    joints_2d: float
    """Input pixels."""
    vertices: float
    """Metres."""
    mean_vertices: float
    """Metres, mean distance of a vertex."""

    def __str__(self) -> str:
        return (
            f"{self.hands} hand slots differ by at most {1000 * self.vertices:.3f} mm in their vertices "
            f"({1000 * self.mean_vertices:.3f} mm on average), {self.joints_2d:.3f} pixels in their joints, "
            f"{self.scores:.5f} in their scores"
        )


def require_parity(model: HandOS, exported: Path, images: Iterable[ImageArray], precision: Precision) -> Parity:
    """Measure parity and check it against the tolerance.

    Raises
    ------
    ArithmeticError
        If vertices differ by more than the tolerance of the precision.
    """
    parity = measure_parity(model, exported, images)
    tolerance = _TOLERANCES[precision]
    # A network whose output is NaN is not equal to anything.
    if not (parity.mean_vertices if precision == "int8" else parity.vertices) <= tolerance:
        raise ArithmeticError(
            f"{exported} differs from its weights: {parity}; at most {1000 * tolerance:g} mm are allowed. Look for "
            "operators that this version of torch or ONNX Runtime computes differently"
        )
    return parity


def measure_parity(model: HandOS, exported: Path, images: Iterable[ImageArray]) -> Parity:
    """Run both on every image and compare their hands.

    Queries with nearly equal scores may be ordered differently by the two runtimes, so every slot of the exported
    network, which may have fewer, is compared with the slot of the weights with the closest joints. Slots with score 0,
    or below the recommended score, are left out: which of many unlikely queries fill them depends on rounding. A hand
    that the exported network does not decode at all differs infinitely.
    """
    engine = OnnxRuntimeEngine(exported)
    differences = [np.zeros((0, 4))]
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
    scores, joints_2d, vertices, _ = rows.max(axis=0).tolist()
    return Parity(len(rows), scores, joints_2d, vertices, rows[:, 3].mean())


def _differences(expected: NetworkOutput, actual: NetworkOutput, min_score: float) -> npt.NDArray[np.float64]:
    """(N, 4) differences of scores, joints_2d and vertices, and mean distance, for the N slots that hold a hand."""
    rows = []
    for slot in np.flatnonzero((actual.scores > 0) & (actual.scores >= min_score)):
        distances = np.abs(expected.joints_2d - actual.joints_2d[slot]).max(axis=(1, 2))
        other = int(distances.argmin())
        score = abs(expected.scores[other] - actual.scores[slot])
        moved = expected.vertices[other] - actual.vertices[slot]
        rows.append((score, distances[other], np.abs(moved).max(), np.linalg.norm(moved, axis=1).mean()))
    certain = expected.scores >= max(min_score, MIN_DECODED_SCORE) + _ROUNDING
    rows += [(np.inf,) * 4] * max(0, np.count_nonzero(certain) - len(rows))
    return np.array(rows, np.float64).reshape(-1, 4)
