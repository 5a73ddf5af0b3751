"""Evaluation on a published data set: of weights, or of a prediction file (`handos eval freihand|ho3d|dexycb|hint`)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from handos_model.evaluation.html_report import write_html_report
from handos_model.evaluation.prediction_log import Prediction, PredictionLog
from handos_model.evaluation.predictor import Predictor
from handos_model.evaluation.published_results import comparison_table
from handos_model.evaluation.report import format_scores, write_scores
from handos_model.evaluation.suites import EvaluationSuite
from handos_model.inference.pipeline import DEFAULT_WEIGHTS, HandPipeline


def evaluate_weights(
    suite: EvaluationSuite, weights: Path | None, out: Path, *, gt_box: bool, mano: Path | None = None
) -> str:
    """Predict all images, write the official prediction file, scores.json and report.html; return a table to print.

    `out`/predictions.jsonl keeps every finished image, so an interrupted evaluation is resumed.

    Parameters
    ----------
    suite
        The data set.
    weights
        ONNX file; ``None`` for the shipped weights.
    out
        Folder for the files.
    gt_box
        Show the network only the ground-truth crop: see `Predictor`.
    mano
        As for `HandPipeline`.
    """
    if gt_box and suite.unscored_reason is not None:
        raise ValueError(f"without ground truth there are no ground-truth boxes to crop to: {suite.unscored_reason}")
    pipeline = HandPipeline.load(weights, score_threshold=0.0, mano=mano)
    file = weights or DEFAULT_WEIGHTS
    origin = {
        "data": suite.dataset.title,
        "images": len(suite.dataset),
        "weights": _checksum(file),
        "gt_box": gt_box,
    }
    with PredictionLog(out / "predictions.jsonl", origin) as log:
        Predictor(pipeline, gt_box, suite.tip_vertices).predict(suite.dataset, log)
        suite.file_format.write(out / suite.file_name, log, suite.dataset)
        if suite.unscored_reason is not None:
            return f"{out / suite.file_name} is written, but cannot be scored here: {suite.unscored_reason}"
        return _score(suite, lambda: log, f"{file.name}{', ground-truth boxes' if gt_box else ''}", origin, out)


def score_predictions(suite: EvaluationSuite, predictions: Path, out: Path) -> str:
    """Score a prediction file of the official format, write scores.json and report.html; return a table to print."""
    if suite.unscored_reason is not None:
        raise ValueError(f"predictions cannot be scored: {suite.unscored_reason}")
    if not predictions.is_file():
        raise FileNotFoundError(f"prediction file {predictions} does not exist")

    def read() -> Iterable[Prediction]:
        return suite.file_format.read(predictions, suite.dataset)

    origin = {"data": suite.dataset.title, "predictions": _checksum(predictions)}
    return _score(suite, read, predictions.name, origin, out)


def _score(
    suite: EvaluationSuite,
    read: Callable[[], Iterable[Prediction]],
    name: str,
    origin: Mapping[str, Any],
    out: Path,
) -> str:
    scores = suite.score(suite.dataset, read())
    rows = comparison_table(suite.published, scores.measures, name)
    write_scores(scores, origin, out / "scores.json")
    write_html_report(out / "report.html", scores, rows, suite.dataset, read())
    return format_scores(scores, rows)


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
