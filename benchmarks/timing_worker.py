"""Request loop of the two workers of `against_mediapipe.py`.

Needs numpy only, because the workers run in different virtual environments.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np


def serve(find_hands: Callable[[np.ndarray], int]) -> None:
    """Answer every line "FILE.npy INDEX" of standard input with a line of JSON about that frame.

    Parameters
    ----------
    find_hands
        Detects the hands in an array (H, W, 3) of uint8 and returns their number.
    """
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        path, index = line.rsplit(maxsplit=1)
        # A copy, so that the file is read before the clock starts.
        image = np.array(np.load(path, mmap_mode="r")[int(index)])
        start = time.perf_counter()
        hands = find_hands(image)
        milliseconds = 1000 * (time.perf_counter() - start)
        result = {"milliseconds": milliseconds, "hands": hands, "peak_memory": _peak_memory()}
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


def _peak_memory() -> float:
    """Peak resident memory of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024
