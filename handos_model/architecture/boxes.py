"""Box arithmetic on tensors: (cx, cy, w, h) and (x0, y0, x1, y1), in any unit."""

import torch
from torch import Tensor


def to_corners(boxes: Tensor) -> Tensor:
    """(..., 4) cx, cy, w, h -> (..., 4) x0, y0, x1, y1."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def to_centre(corners: Tensor) -> Tensor:
    """(..., 4) x0, y0, x1, y1 -> (..., 4) cx, cy, w, h."""
    low, high = corners[..., :2], corners[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def area(corners: Tensor) -> Tensor:
    """(..., 4) corners -> (...)."""
    # Not `prod`, on whose way back the host reads from the device whether there are zeros.
    width, height = (corners[..., 2:] - corners[..., :2]).clamp(min=0).unbind(dim=-1)
    return width * height


def intersection_over_union(a: Tensor, b: Tensor) -> Tensor:
    """IoU of corner boxes of broadcastable shapes (..., 4) -> (...)."""
    overlap = area(torch.cat([torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])], dim=-1))
    return overlap / (area(a) + area(b) - overlap).clamp(min=1e-9)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """GIoU (Rezatofighi et al., 2019) of corner boxes of broadcastable shapes (..., 4) -> (...), -1..1."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    overlap = area(torch.cat([low, high], dim=-1))
    union = (area(a) + area(b) - overlap).clamp(min=1e-9)
    hull = area(torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], dim=-1))
    return overlap / union - (hull - union) / hull.clamp(min=1e-9)
