"""`Scores`: what a benchmark says about predictions, and what the numbers mean."""

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappush, heapreplace
from typing import Final

from handos_model.benchmarks.keypoint_statistics import Curve

_POINTS: Final = {"mpjpe": "joints", "mpvpe": "vertices"}
_ALIGNED: Final = {
    "official_pa": "Procrustes-aligned by the official script's rule, which allows mirroring",
    "pa": "moved, turned and scaled, never mirrored",
    "camera": "in the camera's frame, nothing aligned",
    "wrist": "wrist moved to its place",
    "palm": "wrist moved to its place, palm scaled to its length",
}
_OTHERS: Final = {
    "wrist_error_mm": "mean error of the wrist in the camera's frame",
    "side_accuracy": "share of hands whose side is right",
    "recall": "share of hands found at the score that the weights recommend",
}

WORST_COUNT: Final = 12
"""Images that are kept as the worst cases."""


@dataclass(frozen=True)
class Scores:
    """The numbers of one benchmark, without and with curves."""

    title: str
    """The data set's."""
    images: int
    """Images with an annotated hand: the others do not count."""
    measures: dict[str, float]
    """By name: see `meaning_of`."""
    curves: dict[str, Curve]
    """PCK over the error in `error_unit`, by what is measured."""
    worst: tuple[tuple[float, int], ...]
    """(mean error of a hand's joints in `error_unit`, image's index), the worst first."""
    error_unit: str


def meaning_of(name: str) -> str:
    """What a measure is, in words."""
    if name in _OTHERS:
        return _OTHERS[name]
    if "pck@" in name:
        prefix, rest = name.split("pck@")
        threshold, subset = rest.split("_")
        unfound = ", joints of hands that were not found being wrong" if prefix else ""
        return f"share of {subset} joints within {threshold} of the box's longest side{unfound}"
    if "_f@" in name:
        alignment, threshold = name.split("_f@")
        return f"F-score of vertices at {threshold} mm, {_ALIGNED[alignment]}"
    alignment, points, kind = name.rsplit("_", 2)
    what = "mean error of" if kind == "mm" else "area under the PCK curve to 50 mm of"
    return f"{what} {_POINTS[points]}, {_ALIGNED[alignment]}"


class WorstCases:
    """The images with the largest errors."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []

    def add(self, error: float, index: int) -> None:
        """Take in one image."""
        if len(self._heap) < WORST_COUNT:
            heappush(self._heap, (error, index))
        elif error > self._heap[0][0]:
            heapreplace(self._heap, (error, index))

    def sorted(self) -> tuple[tuple[float, int], ...]:
        """The worst first."""
        return tuple(sorted(self._heap, reverse=True))


class Means:
    """Running means by name."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, int] = defaultdict(int)

    def add(self, name: str, value: float) -> None:
        """Take in one value."""
        self._sums[name] += value
        self._counts[name] += 1

    def values(self) -> dict[str, float]:
        """The means, in the order in which the names came up first."""
        return {name: total / self._counts[name] for name, total in self._sums.items()}
