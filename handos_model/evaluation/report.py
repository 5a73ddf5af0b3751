"""Evaluation results as text tables and as JSON files (scores.json)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handos_model.evaluation.image_evaluation import MEASURES, ImageEvaluation
from handos_model.evaluation.scores import Scores, meaning_of
from handos_model.evaluation.video_evaluation import VideoEvaluation
from handos_model.files.atomic_write import atomic_write

_Row = tuple[str, str, str]
"""Name, value and meaning."""


def format_image_evaluation(evaluation: ImageEvaluation) -> str:
    """One line per number, with its meaning, or the reason why it was not measured."""
    no_hands, no_predictions = "no hand is annotated", "no hand is predicted"
    rows = [
        ("images", f"{evaluation.images}", ""),
        ("annotated hands", f"{evaluation.true_hands}", ""),
        _row(
            "recall", evaluation.recall, "fraction of annotated hands with a match, IoU 0.5 around the joints", no_hands
        ),
        _row(
            "false hands", evaluation.false_hands_per_image, "predicted hands without a match, per image", "no images"
        ),
        _row(
            "box recall",
            evaluation.box_recall,
            "fraction of annotated boxes with a predicted box at IoU 0.5",
            no_hands,
        ),
        _row(
            "in plain sight",
            evaluation.box_recall_in_sight,
            "box recall of large hands with most joints visible",
            "no annotation says that a large hand's joints are visible",
        ),
        _row("box precision", evaluation.box_precision, "fraction of predicted boxes that match one", no_predictions),
        *((name, f"{value:.3f}", MEASURES[name]) for name, value in evaluation.measures.items()),
        *_rows_of_missing_measures(evaluation),
    ]
    return _align_columns(rows)


def _row(name: str, value: float | None, meaning: str, reason: str, decimals: int = 3) -> _Row:
    return (name, "-", f"not measured: {reason}") if value is None else (name, f"{value:.{decimals}f}", meaning)


def _rows_of_missing_measures(evaluation: ImageEvaluation) -> list[_Row]:
    if not evaluation.measures:
        return [("errors", "-", "not measured: no predicted hand matches an annotated one")]
    missing = [name for name in MEASURES if name not in evaluation.measures]
    reason = "3D joints, vertices or intrinsics are not annotated, or not predicted"
    return [("others", "-", f"not measured: {', '.join(missing)}: {reason}")] if missing else []


def _align_columns(rows: list[_Row]) -> str:
    return "\n".join(f"{name:<20}{value:>9}  {meaning}".rstrip() for name, value, meaning in rows)


def format_video_evaluation(evaluation: VideoEvaluation) -> str:
    """One line per number, with its meaning, or the reason why it was not measured."""
    no_hands = "no frame has a hand"
    rows = [
        ("frames", f"{evaluation.frames}", ""),
        _row("with a hand", evaluation.frames_with_hand, "fraction of the frames", "the video has no frames"),
        _row(
            "handedness",
            evaluation.handedness_consistency,
            "fraction of these with the most frequent one, untracked",
            no_hands,
        ),
        _row(
            "tracked handedness",
            evaluation.tracked_handedness_consistency,
            "the same, tracked as in the node",
            no_hands,
        ),
        _row(
            "jitter",
            evaluation.jitter,
            "median change of a joint's velocity per frame, relative to the hand",
            "no three consecutive frames have a hand",
            decimals=4,
        ),
    ]
    if evaluation.has_reference:
        meaning = "fraction of 2D joints within 10 % of the hand's size"
        rows.append(_row("pck@.1", evaluation.pck_10, meaning, "no frame has both a hand and a reference"))
    return _align_columns(rows)


def format_scores(scores: Scores, comparison: Sequence[Sequence[str]]) -> str:
    """One line per measure with its meaning, then the comparison with published results."""
    rows = [("images", f"{scores.images}", scores.title)]
    rows += [(name, f"{value:.3f}", meaning_of(name)) for name, value in scores.measures.items()]
    lines = [f"{name:<22}{value:>9}  {meaning}" for name, value, meaning in rows]
    lines += [f"{name:<22}{'-':>9}  not measured: {reason}" for name, reason in scores.not_measured.items()]
    first = max(len(row[0]) for row in comparison)
    lines += ["", *("  ".join([row[0].ljust(first), *(cell.rjust(8) for cell in row[1:])]) for row in comparison)]
    lines += [line for note in scores.notes for line in ("", note)]
    return "\n".join(lines)


def write_image_evaluation(evaluation: ImageEvaluation, path: Path) -> None:
    """Write the numbers as JSON; those that were not measured are null or absent."""
    _write_json(asdict(evaluation), path)


def write_scores(scores: Scores, origin: Mapping[str, Any], path: Path) -> None:
    """Write the measures as JSON, with the origin of the predictions."""
    entries = {
        "title": scores.title,
        "images": scores.images,
        "origin": dict(origin),
        "measures": scores.measures,
        "not_measured": scores.not_measured,
    }
    _write_json(entries, path)


def _write_json(entries: dict[str, Any], path: Path) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=2, allow_nan=False) + "\n", encoding="utf-8")
