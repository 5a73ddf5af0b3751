"""Recordings to annotate, and data sets to compare."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.recordings.video_writer import VideoWriter

LIT, BLACK = 90, 0
"""Levels of images with and without hands, for the network of a fixed answer."""


def write_video(path: Path, levels: Iterable[int]) -> Path:
    """A video of 25 images a second, each of one grey level."""
    with VideoWriter(path, 25) as writer:
        for level in levels:
            writer.write(np.full((240, 320, 3), level, np.uint8))
    return path


def coming_and_going(frames: int) -> list[int]:
    """Levels by which hands are seen for 0.4 s, and not for 0.6 s, again and again, a little brighter each time."""
    return [LIT + 3 * (index // 25) % 90 if index % 25 < 10 else BLACK for index in range(frames)]


def rows_of(dataset: Path) -> dict[str, dict[str, Any]]:
    """The table of a data set, by the names of the recordings."""
    rows = [json.loads(line) for line in (dataset / "recordings.jsonl").read_text().splitlines()]
    return {Path(row["source"]).name: row for row in rows}


def content_of(dataset: Path) -> dict[str, Any]:
    """All files of a data set with their bytes; of what was measured, without times and attempts."""
    content: dict[str, Any] = {}
    for path in sorted(dataset.rglob("*")):
        if path.is_file():
            content[str(path.relative_to(dataset))] = path.read_bytes()
    measured = {name for name in content if name.rpartition("/")[2] in ("recording.json", "recordings.jsonl")}
    for name in measured:
        lines = [content[name]] if name.endswith(".json") else content[name].splitlines()
        content[name] = [_unmeasured(json.loads(line)) for line in lines]
    return content


def _unmeasured(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in ("seconds", "attempts")}
