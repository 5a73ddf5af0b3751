"""Evaluation on a published data set: of weights, or of a prediction file (`handos eval freihand|ho3d|dexycb|hint`)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from handos_model.evaluation.html_report import write_html_report
from handos_model.evaluation.prediction_log import Prediction, PredictionLog
from handos_model.evaluation.predictor import Predictor
from handos_model.evaluation.published_results import comparison_table
from handos_model.evaluation.report import format_scores, write_scores
from handos_model.evaluation.suites import EvaluationSuite
from handos_model.inference.pipeline import DEFAULT_WEIGHTS, HandPipeline

_PROTOCOL: Final = 2
"""Raised when the same weights get other predictions than before, so that a log of before is not resumed."""


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
        Show the network only what methods without a detector see: see `EvaluationSuite.crop_protocol`.
    mano
        As for `HandPipeline`.
    """
    crop_protocol = suite.crop_protocol if gt_box else None
    pipeline = HandPipeline.load(weights, score_threshold=0.0, resolution="recommended", mano=mano)
    file = weights or DEFAULT_WEIGHTS
    origin = {
        "data": suite.dataset.title,
        "images": len(suite.dataset),
        "protocol": _PROTOCOL,
        "weights": _checksum(file),
        "gt_box": gt_box,
    }
    notes: tuple[str, ...] = ()
    if crop_protocol is not None:
        origin["crop"] = crop_protocol.description
        notes = (f"--gt-box: the network sees {crop_protocol.description}",)
    with PredictionLog(out / "predictions.jsonl", origin) as log:
        Predictor(pipeline, crop_protocol, suite.tip_vertices).predict(suite.dataset, log)
        written = suite.file_format.write(out / suite.file_name, log, suite.dataset)
        if suite.unscored_reason is not None:
            return f"{written} is written, but cannot be scored here: {suite.unscored_reason}"
        return _score(suite, lambda: log, f"{file.name}{', --gt-box' if gt_box else ''}", origin, out, notes)


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
    notes: tuple[str, ...] = (),
) -> str:
    scores = replace(suite.score(suite.dataset, read()), notes=notes)
    rows = comparison_table(suite.published, scores.measures, name)
    write_scores(scores, origin, out / "scores.json")
    write_html_report(out / "report.html", scores, rows, suite.dataset, read())
    return format_scores(scores, rows)


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
