"""What `handos run` wrote, analysed: how long each hand was seen, how far away it was and how fast its wrist moved.

Run: handos run demo/clip.mp4 --track --field-of-view 60 --out results
     python examples/analyse_recording.py results/hands.jsonl      with --format parquet: results/parquet/clip.parquet
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handos_model.commands.script import run_script


def hands_of(path: Path) -> Iterator[tuple[float, dict]]:
    """The stamp of every hand, and the hand."""
    if path.suffix == ".jsonl":
        return ((line["stamp"], hand) for line in map(json.loads, path.open()) for hand in line["hands"])
    import pyarrow.parquet

    return ((row["stamp"], row) for row in pyarrow.parquet.read_table(path).to_pylist())


def main(results: Path) -> None:
    """Print a line for each hand in RESULTS."""
    tracks = {}
    for stamp, hand in hands_of(results):
        if hand["joints_3d"] is not None:
            tracks.setdefault((hand["id"], hand["handedness"]), []).append((stamp, *np.ravel(hand["joints_3d"])[:3]))
    if not tracks:
        raise ValueError(f"{results} has no hands in metres: was `handos run` given a --field-of-view?")
    for (number, side), rows in sorted(tracks.items()):
        seconds, wrists = np.split(np.array(rows), [1], axis=1)
        speed = np.linalg.norm(np.diff(wrists, axis=0), axis=1) / np.diff(seconds[:, 0])
        print(f"#{number} {side}: {len(rows)} frames, {np.mean(wrists[:, 2]):.2f} m away, {np.mean(speed):.2f} m/s")


if __name__ == "__main__":
    run_script(main)
