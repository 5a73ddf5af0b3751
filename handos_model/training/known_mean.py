"""Means over what is annotated, of shapes that do not depend on how much that is."""

from torch import Tensor


def mean_over(known: Tensor, errors: Tensor) -> Tensor:
    """Mean of errors (..., any) over the rows (...) of which the truth is `known`; 0 where it is of none."""
    return (errors.reshape(*known.shape, -1).mean(dim=-1) * known).sum() / known.sum().clamp(min=1)
