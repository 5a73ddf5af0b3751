"""Query filtering: choose the detector queries that are hands."""

import torch
from torch import Tensor

from handos_model.architecture.box_ops import box_cxcywh_to_xyxy, box_iou

_NMS_IOU = 0.5
"""A query is a duplicate if its box overlaps that of a better query by at least this IoU."""


def filter_queries(boxes: Tensor, logits: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Keep the best query of each hand.

    Duplicates are removed by fast NMS (Bolya et al., YOLACT, 2019): a query is dropped if any better query, itself
    dropped or not, overlaps it. These are matrix operations only, so the exported graph has static shapes on every
    runtime.

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
        (B, K) indices of the queries, best first, and their scores 0..1; unused slots have score 0.
    """
    scores, order = logits.sigmoid().sort(dim=-1, descending=True)
    corners = box_cxcywh_to_xyxy(boxes.gather(1, order[..., None].expand(-1, -1, 4)))
    overlap = box_iou(corners[:, :, None], corners[:, None]).triu(diagonal=1)
    kept = (overlap.amax(dim=1) < _NMS_IOU).to(scores.dtype)
    top_scores, ranks = (scores * kept).topk(slots, dim=-1)
    return order.gather(1, ranks), top_scores


def gather_queries(values: Tensor, indices: Tensor) -> Tensor:
    """(B, Q, d) values, (B, K) indices -> (B, K, d)."""
    return values.gather(1, indices[..., None].expand(-1, -1, values.shape[-1]))


def join_queries(first: Tensor, last: Tensor) -> Tensor:
    """(B, K, d) queries of the first and of the last decoder layer -> (B, K, 2d), Q_inst of the paper.

    The paper does not say how it joins them; here they are concatenated.
    """
    return torch.cat([first, last], dim=-1)
