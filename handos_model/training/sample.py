"""`Batch`: views of annotated images in the form the losses want."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

PART_COUNT = 7
"""Background, palm, five fingers."""
UNKNOWN_PART = 255
PART_STRIDE = 8
"""Pixels of a view per part id."""

_OF_IMAGES = ("image", "part_ids")


@dataclass(frozen=True)
class Batch:
    """B views of S x S pixels, padded to the same number of hands N; pixels are the view's."""

    image: Tensor
    """(B, 3, S, S) uint8 BGR."""
    part_ids: Tensor
    """(B, S / 8, S / 8) as in `AnnotatedImage`, or `UNKNOWN_PART`."""
    is_hand: Tensor
    """(B, N) False where padded, and where little of a hand is inside of the view."""
    boxes: Tensor
    """(B, N, 4) x0, y0, x1, y1."""
    joints_2d: Tensor
    """(B, N, 21, 2)"""
    is_right: Tensor
    """(B, N)"""
    has_3d: Tensor
    """(B, N) whether `joints_3d` and `camera` hold annotations or zeros."""
    has_mesh: Tensor
    """(B, N) whether `vertices` do."""
    joints_3d: Tensor
    """(B, N, 21, 3) metres, relative to the root joint, ray-aligned frame."""
    vertices: Tensor
    """(B, N, V, 3) as `joints_3d`."""
    camera: Tensor
    """(B, N, 3) root's u, v and pixels per metre at its depth."""

    def network_input(self) -> Tensor:
        """(B, 3, S, S) float BGR 0..255, with the channels of a pixel side by side, as convolutions are fastest."""
        return self.image.to(torch.float32, memory_format=torch.channels_last)

    def of_assigned(self, image_index: Tensor, hand_index: Tensor) -> "AssignedHands":
        """Pick hands (P,) by the index of their image and their index in it."""
        names = [field.name for field in fields(AssignedHands)]
        return AssignedHands(**{name: getattr(self, name)[image_index, hand_index] for name in names})


@dataclass(frozen=True)
class AssignedHands:
    """The annotations of P hands, one for each prediction that answers for a hand."""

    boxes: Tensor
    joints_2d: Tensor
    is_right: Tensor
    has_3d: Tensor
    has_mesh: Tensor
    joints_3d: Tensor
    vertices: Tensor
    camera: Tensor


def join_batches(batches: Sequence[Batch]) -> Batch:
    """One batch of all views, padded to the largest number of hands."""
    most = max(batch.is_hand.shape[1] for batch in batches)

    def joined(name: str) -> Tensor:
        parts = [getattr(batch, name) for batch in batches]
        return torch.cat(parts if name in _OF_IMAGES else [pad_hands(part, most) for part in parts])

    return Batch(**{field.name: joined(field.name) for field in fields(Batch)})


def pad_hands(values: Tensor, hands: int) -> Tensor:
    """(B, N, ...) -> (B, hands, ...), with zeros."""
    return F.pad(values, (0, 0) * (values.ndim - 2) + (0, hands - values.shape[1]))
