"""Box arithmetic on tensors: (cx, cy, w, h) and (x0, y0, x1, y1), in any unit."""

import torch
from torch import Tensor


def box_cxcywh_to_xyxy(boxes: Tensor) -> Tensor:
    """(..., 4) cx, cy, w, h -> (..., 4) x0, y0, x1, y1."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def box_longer_side(boxes: Tensor) -> Tensor:
    """(..., 4) cx, cy, w, h -> (..., 1) the larger of w and h, which is the unit of length of a hand in the image."""
    return boxes[..., 2:].amax(dim=-1, keepdim=True)


def box_area(corners: Tensor) -> Tensor:
    """(..., 4) x0, y0, x1, y1 -> (...); 0 for an inverted box."""
    # Not `prod`: its backward pass waits for the device, to look for zeros.
    width, height = (corners[..., 2:] - corners[..., :2]).clamp(min=0).unbind(dim=-1)
    return width * height


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of xyxy boxes of broadcastable shapes (..., 4) -> (...)."""
    overlap = box_area(_intersection(a, b))
    return overlap / (box_area(a) + box_area(b) - overlap).clamp(min=1e-9)


def generalized_box_iou(a: Tensor, b: Tensor) -> Tensor:
    """GIoU (Rezatofighi et al., 2019) of xyxy boxes of broadcastable shapes (..., 4) -> (...), -1..1."""
    overlap = box_area(_intersection(a, b))
    union = (box_area(a) + box_area(b) - overlap).clamp(min=1e-9)
    hull = box_area(torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], dim=-1))
    return overlap / union - (hull - union) / hull.clamp(min=1e-9)


def _intersection(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])], dim=-1)
