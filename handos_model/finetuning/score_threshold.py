"""The score from which on a hand counts, for a network whose scores have moved."""

import numpy as np

from handos_model.finetuning.comparison import Predictions


def same_strictness(before: Predictions, threshold: float, after: Predictions) -> float:
    """The score at which a network shows as many hands as another one did at its own.

    Parameters
    ----------
    before, after
        All hands that the two networks see in the same images, weak ones too.
    threshold
        The score that the first one recommends.
    """
    shown = int((_scores(before) >= threshold).sum())
    scores = _scores(after)
    if not 0 < shown < len(scores):
        return threshold
    # Halfway to the best hand that is not shown, so that rounding does not decide.
    return round(float(scores[shown - 1] + scores[shown]) / 2, 3)


def _scores(predictions: Predictions) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Scores of all hands, best first."""
    return np.sort([hand.score for _, hands in predictions for hand in hands])[::-1].astype(np.float64)
