"""Query filtering: which of the detector's queries are hands."""

import torch
from torch import Tensor

from handos_model.architecture.boxes import intersection_over_union, to_corners

_SAME_HAND = 0.5
"""Two queries whose boxes overlap more than this mean the same hand."""


def filter_queries(boxes: Tensor, logits: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Keep the best query of every hand.

    A query is dropped where a better one overlaps it, in one step for all (Bolya et al., YOLACT, 2019, "fast NMS"):
    matrix operations only, so the exported graph keeps static shapes on every runtime.

    Parameters
    ----------
    boxes
        (B, Q, 4) cx, cy, w, h.
    logits
        (B, Q) "is a hand".
    slots
        Number K of queries to keep.

    Returns
    -------
    tuple[Tensor, Tensor]
        (B, K) indices of the queries, best first, and their scores 0..1; a slot left over has score 0.
    """
    scores, order = logits.sigmoid().sort(dim=-1, descending=True)
    corners = to_corners(boxes.gather(1, order[..., None].expand(-1, -1, 4)))
    overlap = intersection_over_union(corners[:, :, None], corners[:, None]).triu(diagonal=1)
    kept = (overlap.amax(dim=1) < _SAME_HAND).to(scores.dtype)
    best, place = (scores * kept).topk(slots, dim=-1)
    return order.gather(1, place), best


def gather_queries(values: Tensor, indices: Tensor) -> Tensor:
    """Pick (B, Q, d) values by (B, K) indices -> (B, K, d)."""
    return values.gather(1, indices[..., None].expand(-1, -1, values.shape[-1]))


def join_queries(first: Tensor, last: Tensor) -> Tensor:
    """Q_inst of the paper, (B, K, 2d): how it joins the first and last queries is not published; here side by side."""
    return torch.cat([first, last], dim=-1)
