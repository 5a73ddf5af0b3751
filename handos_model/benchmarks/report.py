"""Evaluations as tables to read and as JSON to keep."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handos_model.benchmarks.evaluation import MEASURES, Evaluation
from handos_model.benchmarks.scores import Scores, meaning_of
from handos_model.benchmarks.video import VideoEvaluation


def table_of(evaluation: Evaluation) -> str:
    """One line per number, with its meaning."""
    rows = [
        ("images", f"{evaluation.images}", ""),
        ("true hands", f"{evaluation.true_hands}", ""),
        ("recall", f"{evaluation.recall:.3f}", "share of the true hands that were found, by their joints' bounds"),
        ("false hands", f"{evaluation.false_hands_per_image:.3f}", "per image, found where no true one is"),
        ("box recall", f"{evaluation.box_recall:.3f}", "share of the true boxes that a found box overlaps by half"),
        *_in_plain_sight(evaluation),
        ("box precision", f"{evaluation.box_precision:.3f}", "share of the found boxes that overlap a true one"),
        *((name, f"{value:.3f}", MEASURES[name]) for name, value in evaluation.measures.items()),
    ]
    return _aligned(rows)


def _in_plain_sight(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    recall = evaluation.box_recall_in_sight
    # Photographs' annotations do not tell which joints are seen.
    if math.isnan(recall):
        return []
    return [("in plain sight", f"{recall:.3f}", "the same of large hands with most joints seen")]


def _aligned(rows: list[tuple[str, str, str]]) -> str:
    return "\n".join(f"{name:<20}{value:>9}  {meaning}".rstrip() for name, value, meaning in rows)


def video_table_of(evaluation: VideoEvaluation) -> str:
    """One line per number, with its meaning."""
    rows = [
        ("frames", f"{evaluation.frames}", ""),
        ("with a hand", f"{evaluation.frames_with_hand:.3f}", "share of the frames"),
        ("side", f"{evaluation.side_constancy:.3f}", "share of those on the side that most are on, image by image"),
        ("tracked side", f"{evaluation.tracked_side_constancy:.3f}", "the same of tracked hands, as the node has them"),
        ("jitter", f"{evaluation.jitter:.4f}", "median change of a joint's velocity per frame, of the hand's side"),
    ]
    if evaluation.pck_10 is not None:
        rows.append(("pck@.1", f"{evaluation.pck_10:.3f}", "share of 2D joints within 10 % of the hand's side"))
    return _aligned(rows)


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write the numbers as JSON, aside first."""
    entries = asdict(evaluation).items()
    # JSON has no NaN.
    known = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in entries}
    _write_json(known, path)


def table_of_scores(scores: Scores, comparison: Sequence[Sequence[str]]) -> str:
    """One line per measure with its meaning, then the comparison with what papers report."""
    rows = [("images", f"{scores.images}", scores.title)]
    rows += [(name, f"{value:.3f}", meaning_of(name)) for name, value in scores.measures.items()]
    lines = [f"{name:<22}{value:>9}  {meaning}" for name, value, meaning in rows]
    first = max(len(row[0]) for row in comparison)
    lines += ["", *("  ".join([row[0].ljust(first), *(cell.rjust(8) for cell in row[1:])]) for row in comparison)]
    return "\n".join(lines)


def write_scores(scores: Scores, origin: Mapping[str, Any], path: Path) -> None:
    """Write the measures, and what predictions they are of, as JSON, aside first."""
    entries = {"title": scores.title, "images": scores.images, "origin": dict(origin), "measures": scores.measures}
    _write_json(entries, path)


def _write_json(entries: dict[str, Any], path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(entries, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)
