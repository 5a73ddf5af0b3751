"""SimOTA: matches predictions to hands (Ge et al., YOLOX, 2021)."""

import torch
from torch import Tensor

from handos_model.architecture.box_ops import box_iou

_CANDIDATES = 10
_IOU_WEIGHT = 3.0
_OUTSIDE_PENALTY = 1e5


@torch.no_grad()
def match_predictions(logits: Tensor, corners: Tensor, hand_corners: Tensor, is_hand: Tensor) -> Tensor:
    """Match every prediction to a hand or to the background.

    A hand gets as many predictions as its ten best IoUs add up to (at least one), cheapest first. The cost is the
    classification loss plus three times -log IoU, with a penalty for predictions centred outside the hand's box. A
    prediction that two hands select goes to the one where it costs less.

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
    dynamic_k = best.sum(dim=-1).int().clamp(min=1)
    rank = cost.argsort(dim=-1).argsort(dim=-1)
    selected = (rank < dynamic_k[..., None]) & is_hand[..., None]
    lowest_cost, hand = cost.masked_fill(~selected, torch.inf).min(dim=1)
    return hand.masked_fill(~lowest_cost.isfinite(), -1)


def _cost(logits: Tensor, corners: Tensor, hand_corners: Tensor) -> tuple[Tensor, Tensor]:
    """(B, N, Q) cost and IoU of every pair of hand and prediction."""
    iou = box_iou(hand_corners[:, :, None], corners[:, None])
    classification = torch.nn.functional.softplus(-logits)[:, None]
    centre = (corners[..., :2] + corners[..., 2:]) / 2
    inside = (centre[:, None] > hand_corners[:, :, None, :2]) & (centre[:, None] < hand_corners[:, :, None, 2:])
    cost = classification - _IOU_WEIGHT * torch.log(iou + 1e-8) + _OUTSIDE_PENALTY * ~inside.all(dim=-1)
    return cost, iou
