"""What `handos run` wrote, analysed: how long each hand was seen, how far away it was and how fast its wrist moved.

Run: handos run demo/clip.mp4 --track --field-of-view 60 --out results
     python examples/analyse_recording.py results/hands.jsonl
With --format parquet, results/parquet/clip.parquet works, too.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import typer


def hands_of(path: Path) -> Iterator[tuple[float, dict]]:
    """The stamp of every hand, and the hand."""
    if path.suffix == ".parquet":
        import pyarrow.parquet

        yield from ((row["stamp"], row) for row in pyarrow.parquet.read_table(path).to_pylist())
    else:
        yield from ((line["stamp"], hand) for line in map(json.loads, path.open()) for hand in line["hands"])


def main(results: Path) -> None:
    """Print a line for each hand in RESULTS."""
    tracks = defaultdict(list)
    for stamp, hand in hands_of(results):
        if hand["joints_3d"] is not None:  # there are metres
            tracks[hand["id"], hand["handedness"]].append((stamp, *np.ravel(hand["joints_3d"])[:3]))
    for (number, side), rows in sorted(tracks.items()):
        seconds, wrists = np.split(np.array(rows), [1], axis=1)
        speed = np.linalg.norm(np.diff(wrists, axis=0), axis=1) / np.diff(seconds[:, 0])
        print(f"#{number} {side}: {len(rows)} frames, {np.mean(wrists[:, 2]):.2f} m away, {np.mean(speed):.2f} m/s")


if __name__ == "__main__":
    typer.run(main)
