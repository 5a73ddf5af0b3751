"""`EvaluationSuite`: a published data set with its prediction file format, its scores and its published results."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handos_model.datasets.dataset import Dataset
from handos_model.datasets.dexycb import DexYcb, DexYcbSetup
from handos_model.datasets.freihand import FreiHand
from handos_model.datasets.hint import Hint, HintPart
from handos_model.datasets.ho3d import GROUND_TRUTH_REMEDY, Ho3d
from handos_model.evaluation.ground_truth_crop import CropProtocol
from handos_model.evaluation.prediction_files import (
    FREIHAND_PRED_JSON,
    HO3D_PRED_JSON,
    DexYcbResults,
    HintJson,
    PredictionFile,
)
from handos_model.evaluation.prediction_log import Prediction
from handos_model.evaluation.published_results import DEXYCB, FREIHAND, HINT, HO3D_V2, HO3D_V3, PublishedResults
from handos_model.evaluation.scores import Scores
from handos_model.evaluation.scoring_2d import score_2d
from handos_model.evaluation.scoring_3d import COMMON_ALIGNMENTS, score_3d
from handos_model.hand.mano_conventions import DEXYCB_TIPS, FREIHAND_TIPS, HO3D_TIPS

FREIHAND_CROP: Final = CropProtocol(
    "whole images, which are crops around the hand already, as HaMeR is evaluated; of all hands in them the annotated "
    "one",
    whole_images=True,
)
HO3D_CROP: Final = CropProtocol(
    "a square around the box in HO3D's own files (handBoundingBox), twice its longest side; the size of the square is "
    "not part of HO3D and differs between papers"
)
DEXYCB_CROP: Final = CropProtocol(
    "a square around the annotated joints, twice the longest side of their box; DexYCB publishes no boxes, so that "
    "numbers with --gt-box are not comparable with those of papers"
)
HINT_CROP: Final = CropProtocol(
    "a square around the box in HInt's own files, twice its longest side, as HaMeR is evaluated"
)


@dataclass(frozen=True)
class EvaluationSuite:
    """Everything that evaluation on one published data set needs."""

    dataset: Dataset
    file_name: str
    """Name of the prediction file that the official script or server expects."""
    file_format: PredictionFile
    score: Callable[[Dataset, Iterable[Prediction]], Scores]
    published: PublishedResults
    crop_protocol: CropProtocol
    """What `--gt-box` shows the network."""
    tip_vertices: tuple[int, ...] | None = None
    """MANO vertices that the data set annotates as fingertips, thumb to pinky."""
    unscored_reason: str | None = None
    """Why predictions cannot be scored, and the remedy; ``None`` if they can."""


def open_freihand(folder: Path) -> EvaluationSuite:
    """Open FreiHAND's evaluation set."""
    dataset = FreiHand(folder, "evaluation")
    return EvaluationSuite(dataset, "pred.json", FREIHAND_PRED_JSON, score_3d, FREIHAND, FREIHAND_CROP, FREIHAND_TIPS)


def open_ho3d(folder: Path) -> EvaluationSuite:
    """Open the evaluation set of HO3D, version 2 or 3, whichever the folder contains."""
    dataset = Ho3d(folder, "evaluation")
    return EvaluationSuite(
        dataset,
        "pred.json",
        HO3D_PRED_JSON,
        lambda data, predictions: score_3d(data, predictions, (*COMMON_ALIGNMENTS, "palm")),
        HO3D_V2 if dataset.version == "v2" else HO3D_V3,
        HO3D_CROP,
        HO3D_TIPS,
        None if dataset.has_ground_truth else GROUND_TRUTH_REMEDY,
    )


def open_dexycb(folder: Path, setup: DexYcbSetup) -> EvaluationSuite:
    """Open the test set of one of DexYCB's setups."""
    return EvaluationSuite(
        DexYcb(folder, setup, "test"),
        f"dexycb_{setup}_test.txt",
        DexYcbResults(),
        lambda data, predictions: score_3d(data, predictions, (*COMMON_ALIGNMENTS, "wrist")),
        DEXYCB,
        DEXYCB_CROP,
        DEXYCB_TIPS,
    )


def open_hint(folder: Path, part: HintPart) -> EvaluationSuite:
    """Open the test set of one of HInt's parts."""
    dataset = Hint(folder, part, "TEST")
    return EvaluationSuite(dataset, f"hint_{part}.json", HintJson(), score_2d, HINT[part], HINT_CROP)
