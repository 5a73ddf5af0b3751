"""The score from which on a hand counts, for a network whose scores have moved."""

from collections.abc import Sequence


def same_strictness(before: Sequence[float], threshold: float, after: Sequence[float]) -> float:
    """The score at which a network shows as many hands as another one did at its own.

    Parameters
    ----------
    before, after
        Scores of all hands that the two networks see in the same images, weak ones too.
    threshold
        The score that the first one recommends.
    """
    shown = sum(score >= threshold for score in before)
    scores = sorted(after, reverse=True)
    if not 0 < shown < len(scores):
        return threshold
    # Halfway to the best hand that is not shown, so that rounding does not decide.
    return round((scores[shown - 1] + scores[shown]) / 2, 3)
