"""An evaluation as a table to read and as JSON to keep."""

import json
import math
from dataclasses import asdict
from pathlib import Path

from handos_model.benchmarks.evaluation import MEASURES, Evaluation


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
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(entries, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)
