"""Evaluations as tables to read and as JSON to keep."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handos_model.benchmarks.evaluation import MEASURES, Evaluation
from handos_model.benchmarks.scores import Scores, meaning_of


def table_of(evaluation: Evaluation) -> str:
    """One line per number, with its meaning."""
    rows = [
        ("images", f"{evaluation.images}", ""),
        ("true hands", f"{evaluation.true_hands}", ""),
        ("recall", f"{evaluation.recall:.3f}", "share of the true hands that were found"),
        ("false hands", f"{evaluation.false_hands_per_image:.3f}", "per image, found where no true one is"),
        *((name, f"{value:.3f}", MEASURES[name]) for name, value in evaluation.measures.items()),
    ]
    return "\n".join(f"{name:<15}{value:>9}  {meaning}".rstrip() for name, value, meaning in rows)


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write the numbers as JSON, aside first."""
    entries = asdict(evaluation)
    if math.isnan(evaluation.recall):
        entries["recall"] = None
    _write_json(entries, path)


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
