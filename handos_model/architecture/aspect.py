"""Images of any aspect ratio: the unit of length in an image is its longer side.

An image that is not square is treated as the top left part of the square around it, so that a hand has the same
proportions to the network in every image. Nothing is computed for the rest of the square.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def longer_side(image: Tensor) -> int:
    """(..., h, w) -> the larger of h and w."""
    # Not `max`: it would fix which side is longer while a graph for all sizes is captured.
    return torch.sym_max(image.shape[-2], image.shape[-1])  # type: ignore[no-untyped-call]


def pad_to_square(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, s, s) with s the larger of h and w, padded with zeros at the right or bottom."""
    side = longer_side(features)
    return F.pad(features, (0, side - features.shape[-1], 0, side - features.shape[-2]))
