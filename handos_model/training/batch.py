"""`Batch`: views of annotated images in the form that the losses need."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

PART_COUNT = 7
"""Background, palm, five fingers."""
UNKNOWN_PART = 255
VIEW_PART_STRIDE = 8
"""Pixels of a view per part id, in each direction."""

_IMAGE_FIELDS = ("image", "part_ids", "is_complete")


@dataclass(frozen=True)
class Batch:
    """B views of H x W pixels, padded to the same number of hands N; pixels are the view's."""

    image: Tensor
    """(B, 3, H, W) uint8 BGR."""
    part_ids: Tensor
    """(B, H / 8, W / 8) as in `AnnotatedImage`, or `UNKNOWN_PART`."""
    is_complete: Tensor
    """(B,) whether every hand is annotated, so that everything else is known to be no hand."""
    is_hand: Tensor
    """(B, N) False where padded, and where too little of a hand is inside the view."""
    has_joints: Tensor
    """(B, N) whether `joints_2d` and `is_right` are annotated, not the box alone."""
    boxes: Tensor
    """(B, N, 4) x0, y0, x1, y1."""
    joints_2d: Tensor
    """(B, N, 21, 2)"""
    is_right: Tensor
    """(B, N)"""
    has_3d: Tensor
    """(B, N) whether `joints_3d` and `camera` hold annotations or zeros."""
    has_mesh: Tensor
    """(B, N) whether `vertices` holds annotations or zeros."""
    joints_3d: Tensor
    """(B, N, 21, 3) metres, relative to the root joint, ray-aligned frame."""
    vertices: Tensor
    """(B, N, V, 3) as `joints_3d`."""
    camera: Tensor
    """(B, N, 3) root's u, v and pixels per metre at its depth."""

    @property
    def longer_side(self) -> int:
        """The larger of H and W, the network's unit of length."""
        return max(self.image.shape[-2:])

    def network_input(self) -> Tensor:
        """(B, 3, H, W) float BGR 0..255, in the channels-last layout that convolutions prefer."""
        return self.image.to(torch.float32, memory_format=torch.channels_last)

    def select_hands(self, image_index: Tensor, hand_index: Tensor) -> "MatchedHands":
        """Annotations of hands (P,), given the index of their image and their index in it."""
        names = [field.name for field in fields(MatchedHands)]
        return MatchedHands(**{name: getattr(self, name)[image_index, hand_index] for name in names})


@dataclass(frozen=True)
class MatchedHands:
    """The annotations of P hands, one for each matched prediction."""

    boxes: Tensor
    joints_2d: Tensor
    is_right: Tensor
    has_3d: Tensor
    has_mesh: Tensor
    joints_3d: Tensor
    vertices: Tensor
    camera: Tensor


def join_batches(batches: Sequence[Batch], hands: int = 0) -> Batch:
    """One batch of all views, padded to the largest number of hands, or at least to `hands`."""
    max_hands = max(hands, *(batch.is_hand.shape[1] for batch in batches))

    def joined(name: str) -> Tensor:
        parts = [getattr(batch, name) for batch in batches]
        return torch.cat(parts if name in _IMAGE_FIELDS else [pad_hands(part, max_hands) for part in parts])

    return Batch(**{field.name: joined(field.name) for field in fields(Batch)})


def pad_hands(values: Tensor, hands: int) -> Tensor:
    """(B, N, ...) -> (B, hands, ...), with zeros."""
    return F.pad(values, (0, 0) * (values.ndim - 2) + (0, hands - values.shape[1]))


def masked_mean(mask: Tensor, values: Tensor) -> Tensor:
    """Mean of values (*shape, ...) over the rows where `mask` (*shape) is True; 0 if it is True nowhere."""
    return (values.reshape(*mask.shape, -1).mean(dim=-1) * mask).sum() / mask.sum().clamp(min=1)
