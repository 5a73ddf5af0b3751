"""What the two workers of `against_mediapipe.py` share: find hands in the frames that are named on standard input.

Needs numpy only, because each worker runs in a virtual environment of its own.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def serve(find_hands: Callable[[np.ndarray], int]) -> None:
    """Answer every line "FILE.npy INDEX" with a line of JSON about that frame.

    Parameters
    ----------
    find_hands
        Finds hands in an array (H, W, 3) of uint8 and says how many.
    """
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        path, index = line.rsplit(maxsplit=1)
        # Read before the clock starts.
        image = np.array(np.load(path, mmap_mode="r")[int(index)])
        start = time.perf_counter()
        hands = find_hands(image)
        milliseconds = 1000 * (time.perf_counter() - start)
        answer = {"milliseconds": milliseconds, "hands": hands, "peak_memory": _peak_memory()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _peak_memory() -> float:
    """MiB that this process has had resident at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024
