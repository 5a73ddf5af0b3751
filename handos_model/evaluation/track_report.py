"""Scores of a tracker as a text table and as a JSON file."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from handos_model.evaluation.track_evaluation import MEASURES, TrackEvaluation, TrackScores
from handos_model.files.atomic_write import atomic_write

WHOLE_NUMBERS: Final = {
    "images", "hands_in_sight", "false_tracks", "id_switches", "side_flips", "never_published",
}  # fmt: skip


def format_track_evaluation(evaluation: TrackEvaluation) -> str:
    """A column for each scenario and one for all, then what the rows mean."""
    columns = {"all": evaluation.overall, **evaluation.scenarios}
    lines = [f"{'':<21}" + "".join(f"{name:>15}" for name in columns)]
    for measure in MEASURES:
        lines.append(
            f"{measure:<21}" + "".join(f"{_cell(measure, scores[measure]):>15}" for scores in columns.values())
        )
    lines += ["", *(f"{name:<21}{meaning}" for name, meaning in MEASURES.items() if meaning)]
    return "\n".join(lines)


def write_track_evaluation(evaluation: TrackEvaluation, settings: Mapping[str, Any], path: Path) -> None:
    """Write the scores as JSON, with the settings they were measured with; what was not measured is null."""
    entries = {
        "settings": dict(settings),
        "overall": _finite(evaluation.overall),
        "scenarios": {name: _finite(scores) for name, scores in evaluation.scenarios.items()},
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(entries, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _cell(measure: str, value: float) -> str:
    if math.isnan(value):
        return "-"
    if measure in WHOLE_NUMBERS:
        return f"{value:.0f}"
    if measure == "jitter":
        return f"{value:.5f}"
    return f"{value:.1f}" if measure.endswith(("_ms", "_mm")) else f"{value:.3f}"


def _finite(scores: TrackScores) -> dict[str, float | int | None]:
    return {name: _json_number(name, value) for name, value in scores.items()}


def _json_number(measure: str, value: float) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if measure in WHOLE_NUMBERS else round(value, 5)
