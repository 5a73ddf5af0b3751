"""Whether stated chances come true: of joint scores and of the sides' scores."""

from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import Hand
from handos_model.inference.postprocessing import SCORED_RADIUS
from handos_model.io.annotations import AnnotatedHand

_BINS: Final = 10


class Calibration:
    """Gathers chances and whether they came true, over all pairs of a found and a true hand.

    A joint's sigma is stated from the same distribution as its score and is as well calibrated.
    """

    def __init__(self) -> None:
        self._joints: list[tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]]] = []
        self._sides: list[tuple[float, bool]] = []

    def add(self, found: Hand, true: AnnotatedHand) -> None:
        """Take in one pair."""
        side = (found.box[2:] - found.box[:2]).max()
        within = np.abs(found.joints_2d - true.joints_2d) <= SCORED_RADIUS * side
        # The score is the chance along either axis: two events for each joint.
        self._joints += [(found.joint_scores, within[:, axis]) for axis in (0, 1)]
        self._sides.append((found.handedness_score, found.handedness == true.handedness))

    def measures(self) -> dict[str, float]:
        """Expected calibration errors, and by how much scores exceed the truth; nothing without pairs."""
        if not self._sides:
            return {}
        chances, came_true = (np.concatenate(values) for values in zip(*self._joints, strict=True))
        side_chances, side_true = (np.asarray(values) for values in zip(*self._sides, strict=True))
        return {
            "joint_score_error": expected_calibration_error(chances, came_true),
            "joint_score_excess": float(chances.mean() - came_true.mean()),
            "side_score_error": expected_calibration_error(side_chances, side_true),
            "side_score_excess": float(side_chances.mean() - side_true.mean()),
        }


def expected_calibration_error(chances: npt.ArrayLike, came_true: npt.ArrayLike) -> float:
    """Mean distance between stated chance and share that came true, in ten bins of chance (Guo et al., 2017).

    Parameters
    ----------
    chances
        (N,) 0..1.
    came_true
        (N,) booleans.
    """
    stated = np.asarray(chances, np.float64)
    bins = np.minimum((stated * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, stated, _BINS) - np.bincount(bins, np.asarray(came_true, np.float64), _BINS)
    return float(np.abs(gaps).sum() / len(stated))
