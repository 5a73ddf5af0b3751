"""Evaluates weights, or somebody's prediction file, on a benchmark."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from handos_model.benchmarks.benchmark import Benchmark
from handos_model.benchmarks.html_report import write_html_report
from handos_model.benchmarks.predicting import Predictor
from handos_model.benchmarks.predictions import Prediction, PredictionLog
from handos_model.benchmarks.published import comparison
from handos_model.benchmarks.report import table_of_scores, write_scores
from handos_model.inference.pipeline import DEFAULT_WEIGHTS, HandPipeline


def evaluate_weights(
    benchmark: Benchmark, weights: Path | None, out: Path, *, crop_to_true_box: bool, mano: Path | None = None
) -> str:
    """Predict all images, write the official prediction file, scores.json and report.html; a table to print.

    Interrupted, it goes on where it was: `out`/predictions.jsonl keeps every image that is done.

    Parameters
    ----------
    benchmark
        What to evaluate on.
    weights
        ONNX file; ``None`` takes the shipped one.
    out
        Folder for the files.
    crop_to_true_box
        Show the network a square around the true hand only.
    mano
        As for `HandPipeline`.
    """
    if crop_to_true_box and benchmark.unscored is not None:
        raise ValueError(f"without ground truth there are no true boxes to crop to: {benchmark.unscored}")
    pipeline = HandPipeline.load(weights, score_threshold=0.0, mano=mano)
    file = weights or DEFAULT_WEIGHTS
    origin = {
        "data": benchmark.dataset.title,
        "images": len(benchmark.dataset),
        "weights": _fingerprint(file),
        "gt_box": crop_to_true_box,
    }
    with PredictionLog(out / "predictions.jsonl", origin) as log:
        Predictor(pipeline, crop_to_true_box, benchmark.tip_vertices).predict(benchmark.dataset, log)
        benchmark.file_format.write(out / benchmark.file_name, log, benchmark.dataset)
        if benchmark.unscored is not None:
            return f"{out / benchmark.file_name} is written, but cannot be scored here: {benchmark.unscored}"
        return _score(benchmark, lambda: log, f"{file.name}{', true boxes' if crop_to_true_box else ''}", origin, out)


def score_predictions(benchmark: Benchmark, predictions: Path, out: Path) -> str:
    """Score a prediction file of the official format, write scores.json and report.html; a table to print."""
    if benchmark.unscored is not None:
        raise ValueError(f"nothing can be scored: {benchmark.unscored}")
    if not predictions.is_file():
        raise FileNotFoundError(f"prediction file {predictions} does not exist")

    def read() -> Iterable[Prediction]:
        return benchmark.file_format.read(predictions, benchmark.dataset)

    origin = {"data": benchmark.dataset.title, "predictions": _fingerprint(predictions)}
    return _score(benchmark, read, predictions.name, origin, out)


def _score(
    benchmark: Benchmark, read: Callable[[], Iterable[Prediction]], name: str, origin: Mapping[str, Any], out: Path
) -> str:
    scores = benchmark.score(benchmark.dataset, read())
    rows = comparison(benchmark.published, scores.measures, name)
    out.mkdir(parents=True, exist_ok=True)
    write_scores(scores, origin, out / "scores.json")
    write_html_report(out / "report.html", scores, rows, benchmark.dataset, read())
    return table_of_scores(scores, rows)


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
