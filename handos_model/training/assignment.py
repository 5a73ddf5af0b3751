"""SimOTA: which predictions answer for which hand (Ge et al., YOLOX, 2021)."""

import torch
from torch import Tensor

from handos_model.architecture.boxes import intersection_over_union

_CANDIDATES = 10
_IOU_WEIGHT = 3.0
_OUTSIDE_PENALTY = 1e5


@torch.no_grad()
def assign_predictions(logits: Tensor, corners: Tensor, hand_corners: Tensor, is_hand: Tensor) -> Tensor:
    """Choose for every prediction the hand it answers for, or none.

    A hand takes as many predictions as its ten best IoUs add up to (at least one), cheapest first; cost is
    classification plus three times -log IoU, and predictions centred outside of the hand's box come last. A
    prediction wanted by two hands goes to the one where it costs less.

    Parameters
    ----------
    logits
        (B, Q) "is a hand".
    corners
        (B, Q, 4) predicted boxes.
    hand_corners
        (B, N, 4) annotated boxes, padded.
    is_hand
        (B, N) False where padded.

    Returns
    -------
    Tensor
        (B, Q) index of the hand, -1 for background.
    """
    if hand_corners.shape[1] == 0:
        return torch.full_like(logits, -1, dtype=torch.long)
    cost, iou = _cost(logits, corners, hand_corners)
    cost = cost.masked_fill(~is_hand[..., None], torch.inf)
    best = iou.topk(min(_CANDIDATES, iou.shape[-1]), dim=-1).values
    wanted = best.sum(dim=-1).int().clamp(min=1)
    rank = cost.argsort(dim=-1).argsort(dim=-1)
    chosen = (rank < wanted[..., None]) & is_hand[..., None]
    price, hand = cost.masked_fill(~chosen, torch.inf).min(dim=1)
    return hand.masked_fill(~price.isfinite(), -1)


def _cost(logits: Tensor, corners: Tensor, hand_corners: Tensor) -> tuple[Tensor, Tensor]:
    """(B, N, Q) cost and IoU of every pair of hand and prediction."""
    iou = intersection_over_union(hand_corners[:, :, None], corners[:, None])
    classification = torch.nn.functional.softplus(-logits)[:, None]
    centre = (corners[..., :2] + corners[..., 2:]) / 2
    inside = (centre[:, None] > hand_corners[:, :, None, :2]) & (centre[:, None] < hand_corners[:, :, None, 2:])
    cost = classification - _IOU_WEIGHT * torch.log(iou + 1e-8) + _OUTSIDE_PENALTY * ~inside.all(dim=-1)
    return cost, iou
