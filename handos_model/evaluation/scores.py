"""`Scores`: the measures of predictions on a published data set, and `meaning_of` each measure."""

from dataclasses import dataclass, field
from typing import Final

from handos_model.evaluation.running_statistics import PckCurve

_POINTS: Final = {"mpjpe": "joints", "mpvpe": "vertices"}
_ALIGNMENTS: Final = {
    "official_pa": "Procrustes-aligned as in the official scripts, which allows reflection",
    "pa": "Procrustes-aligned without reflection",
    "joints_pa": "moved by the alignment `pa` of the joints, because the mesh is not MANO's",
    "camera": "in the camera frame, not aligned",
    "wrist": "aligned at the wrist",
    "palm": "aligned at the wrist, scaled to the palm's length",
}
_OTHERS: Final = {
    "wrist_error_mm": "mean error of the wrist in the camera frame",
    "handedness_accuracy": "fraction of hands with the correct handedness",
    "recall": "fraction of hands detected at the score that the weights recommend",
}


@dataclass(frozen=True)
class Scores:
    """Measures and PCK curves of predictions on one data set."""

    title: str
    """Title of the data set."""
    images: int
    """Number of images with an annotated hand; the others do not count."""
    measures: dict[str, float]
    """Values by name: see `meaning_of`."""
    curves: dict[str, PckCurve]
    """PCK curves by name; thresholds in `error_unit`."""
    worst: tuple[tuple[float, int], ...]
    """(mean joint error in `error_unit`, image index), largest error first."""
    error_unit: str
    not_measured: dict[str, str] = field(default_factory=dict)
    """Why measures are absent, by their names or the name of their group."""
    notes: tuple[str, ...] = ()
    """What else a reader of the measures has to know."""


def nothing_annotated(title: str) -> ValueError:
    """The error of a data set without any annotation to compare with."""
    return ValueError(f"{title}: no image has an annotated hand, so nothing can be measured: give the annotated images")


def meaning_of(name: str) -> str:
    """Describe a measure in words."""
    if name in _OTHERS:
        return _OTHERS[name]
    if "pck@" in name:
        prefix, rest = name.split("pck@")
        threshold, subset = rest.split("_")
        undetected = "; joints of undetected hands count as wrong" if prefix else ""
        return f"fraction of {subset} joints within {threshold} of the box's longest side{undetected}"
    if "_f@" in name:
        alignment, threshold = name.split("_f@")
        return f"F-score of vertices at {threshold} mm, {_ALIGNMENTS[alignment]}"
    alignment, points, kind = name.rsplit("_", 2)
    measure = "mean error of" if kind == "mm" else "area under the PCK curve up to 50 mm of"
    return f"{measure} {_POINTS[points]}, {_ALIGNMENTS[alignment]}"
