"""Evaluation results as text tables and as JSON files (scores.json)."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handos_model.evaluation.image_evaluation import MEASURES, ImageEvaluation
from handos_model.evaluation.scores import Scores, meaning_of
from handos_model.evaluation.video_evaluation import VideoEvaluation
from handos_model.files.atomic_write import atomic_write


def format_image_evaluation(evaluation: ImageEvaluation) -> str:
    """One line per number, with its meaning."""
    rows = [
        ("images", f"{evaluation.images}", ""),
        ("annotated hands", f"{evaluation.true_hands}", ""),
        ("recall", f"{evaluation.recall:.3f}", "fraction of annotated hands with a match, IoU 0.5 around the joints"),
        ("false hands", f"{evaluation.false_hands_per_image:.3f}", "predicted hands without a match, per image"),
        ("box recall", f"{evaluation.box_recall:.3f}", "fraction of annotated boxes with a predicted box at IoU 0.5"),
        *_row_in_plain_sight(evaluation),
        ("box precision", f"{evaluation.box_precision:.3f}", "fraction of predicted boxes that match one"),
        *((name, f"{value:.3f}", MEASURES[name]) for name, value in evaluation.measures.items()),
    ]
    return _align_columns(rows)


def _row_in_plain_sight(evaluation: ImageEvaluation) -> list[tuple[str, str, str]]:
    recall = evaluation.box_recall_in_sight
    # Photographs have no annotations of visibility.
    if math.isnan(recall):
        return []
    return [("in plain sight", f"{recall:.3f}", "box recall of large hands with most joints visible")]


def _align_columns(rows: list[tuple[str, str, str]]) -> str:
    return "\n".join(f"{name:<20}{value:>9}  {meaning}".rstrip() for name, value, meaning in rows)


def format_video_evaluation(evaluation: VideoEvaluation) -> str:
    """One line per number, with its meaning."""
    rows = [
        ("frames", f"{evaluation.frames}", ""),
        ("with a hand", f"{evaluation.frames_with_hand:.3f}", "fraction of the frames"),
        (
            "handedness",
            f"{evaluation.handedness_consistency:.3f}",
            "fraction of these with the most frequent one, untracked",
        ),
        (
            "tracked handedness",
            f"{evaluation.tracked_handedness_consistency:.3f}",
            "the same, tracked as in the node",
        ),
        ("jitter", f"{evaluation.jitter:.4f}", "median change of a joint's velocity per frame, relative to the hand"),
    ]
    if evaluation.pck_10 is not None:
        rows.append(("pck@.1", f"{evaluation.pck_10:.3f}", "fraction of 2D joints within 10 % of the hand's size"))
    return _align_columns(rows)


def format_scores(scores: Scores, comparison: Sequence[Sequence[str]]) -> str:
    """One line per measure with its meaning, then the comparison with published results."""
    rows = [("images", f"{scores.images}", scores.title)]
    rows += [(name, f"{value:.3f}", meaning_of(name)) for name, value in scores.measures.items()]
    lines = [f"{name:<22}{value:>9}  {meaning}" for name, value, meaning in rows]
    first = max(len(row[0]) for row in comparison)
    lines += ["", *("  ".join([row[0].ljust(first), *(cell.rjust(8) for cell in row[1:])]) for row in comparison)]
    return "\n".join(lines)


def write_image_evaluation(evaluation: ImageEvaluation, path: Path) -> None:
    """Write the numbers as JSON."""
    entries = asdict(evaluation).items()
    # JSON has no NaN.
    finite = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in entries}
    _write_json(finite, path)


def write_scores(scores: Scores, origin: Mapping[str, Any], path: Path) -> None:
    """Write the measures as JSON, with the origin of the predictions."""
    entries = {"title": scores.title, "images": scores.images, "origin": dict(origin), "measures": scores.measures}
    _write_json(entries, path)


def _write_json(entries: dict[str, Any], path: Path) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=2, allow_nan=False) + "\n", encoding="utf-8")
