"""`Benchmark`: a data set with its official file format, its scores and what papers report."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from handos_model.benchmarks.prediction_files import (
    FREIHAND_PRED_JSON,
    HO3D_PRED_JSON,
    DexYcbResults,
    HintJson,
    PredictionFile,
)
from handos_model.benchmarks.predictions import Prediction
from handos_model.benchmarks.published import DEXYCB, FREIHAND, HINT, HO3D_V2, HO3D_V3, Published
from handos_model.benchmarks.readers.dataset import Dataset
from handos_model.benchmarks.readers.dexycb import DexYcb, DexYcbSetup
from handos_model.benchmarks.readers.freihand import FreiHand
from handos_model.benchmarks.readers.hint import Hint, HintPart
from handos_model.benchmarks.readers.ho3d import GROUND_TRUTH_REMEDY, Ho3d
from handos_model.benchmarks.scores import Scores
from handos_model.benchmarks.scoring_2d import score_joints_2d
from handos_model.benchmarks.scoring_3d import EVERYWHERE, score_hands
from handos_model.hand.mano_conventions import DEXYCB_TIPS, FREIHAND_TIPS, HO3D_TIPS


@dataclass(frozen=True)
class Benchmark:
    """All that belongs to one benchmark."""

    dataset: Dataset
    file_name: str
    """Of the prediction file that its script or server takes."""
    file_format: PredictionFile
    score: Callable[[Dataset, Iterable[Prediction]], Scores]
    published: Published
    tip_vertices: tuple[int, ...] | None = None
    """MANO vertices that its annotations take for the finger tips, thumb to pinky."""
    unscored: str | None = None
    """Why nothing can be measured, and what to do; ``None`` where it can."""


def open_freihand(folder: Path) -> Benchmark:
    """FreiHAND's evaluation set."""
    dataset = FreiHand(folder, "evaluation")
    return Benchmark(dataset, "pred.json", FREIHAND_PRED_JSON, score_hands, FREIHAND, FREIHAND_TIPS)


def open_ho3d(folder: Path) -> Benchmark:
    """The evaluation set of HO3D, version 2 or 3, whichever the folder holds."""
    dataset = Ho3d(folder, "evaluation")
    return Benchmark(
        dataset,
        "pred.json",
        HO3D_PRED_JSON,
        lambda data, predictions: score_hands(data, predictions, (*EVERYWHERE, "palm")),
        HO3D_V2 if dataset.version == "v2" else HO3D_V3,
        HO3D_TIPS,
        None if dataset.has_ground_truth else GROUND_TRUTH_REMEDY,
    )


def open_dexycb(folder: Path, setup: DexYcbSetup) -> Benchmark:
    """The test set of one of DexYCB's setups."""
    return Benchmark(
        DexYcb(folder, setup, "test"),
        f"dexycb_{setup}_test.txt",
        DexYcbResults(),
        lambda data, predictions: score_hands(data, predictions, (*EVERYWHERE, "wrist")),
        DEXYCB,
        DEXYCB_TIPS,
    )


def open_hint(folder: Path, part: HintPart) -> Benchmark:
    """The test set of one of HInt's parts."""
    dataset = Hint(folder, part, "TEST")
    return Benchmark(dataset, f"hint_{part}.json", HintJson(), score_joints_2d, HINT[part])
