"""Pictures of any aspect ratio: the unit of length in an image is its longer side.

A picture whose sides differ is seen as a part of the square around its longer side, from the top left corner on, so
that a hand has the same proportions to the network in every picture. Nothing is computed for the rest of the square.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def longer_side(image: Tensor) -> int:
    """(..., h, w) -> the larger of h and w."""
    # Not `max`, which would decide here which one it is while the graph for all sizes is captured.
    return torch.sym_max(image.shape[-2], image.shape[-1])  # type: ignore[no-untyped-call]


def pad_to_square(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, s, s) with s the larger of h and w, zeros at the right or below."""
    side = longer_side(features)
    return F.pad(features, (0, side - features.shape[-1], 0, side - features.shape[-2]))
