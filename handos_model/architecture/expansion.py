"""Expansion: from one query per hand to one query and one reference box per joint."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.aspect import longer_side
from handos_model.hand.skeleton import JOINT_COUNT

_SMALLEST_REFERENCE = 0.02
_SEARCHED = 1.3
"""Side of the square around a hand in which its joints are looked for, in box sides."""
_SEARCHED_CELLS = 24
"""Places along each side of that square: about one for each pixel of the heatmap under a hand that fills the image."""


class JointExpansion(nn.Module):
    """Instance query + a learnable embedding per joint -> joint queries, with reference boxes inside the hand's box.

    The paper does not say where the reference boxes begin. As in ED-Pose (Yang et al., 2023) the instance query guesses
    the place of each joint and the size of its box is a learnt fraction of the hand's. A single query is too
    vague about fingers, though: its guess, a Gaussian, is multiplied with the joint's heatmap around the hand, and the
    mean of the product is the reference. So the decoder begins at the finger, and the heatmaps, which know nothing of
    instances, are read for one hand at a time.
    """

    def __init__(self, instance_width: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(instance_width, width)
        self.normalise = nn.LayerNorm(width)
        self.joint_embedding = nn.Parameter(torch.randn(JOINT_COUNT, width))
        self.guess = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, JOINT_COUNT * 2))
        self.guess_precision = nn.Parameter(torch.full((JOINT_COUNT, 1), 4.0))
        """Logarithm of 1 / variance, in box sides, of the guess."""
        self.heatmap_weight = nn.Parameter(torch.full((JOINT_COUNT, 1), 3.0))
        """Exponent of the heatmap in the product: a sharper one."""
        self.reference_size = nn.Parameter(torch.full((JOINT_COUNT, 1), -1.0))
        line = _SEARCHED * ((torch.arange(_SEARCHED_CELLS) + 0.5) / _SEARCHED_CELLS - 0.5)
        self.register_buffer("line", line, persistent=False)
        # (P, 2) x, y in box sides from the box's centre, row by row.
        self.register_buffer("places", torch.cartesian_prod(line, line).flip(-1), persistent=False)
        self.line: Tensor
        self.places: Tensor

    def forward(self, instances: Tensor, boxes: Tensor, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Expand.

        Parameters
        ----------
        instances
            (H, 2d) joined detector queries, H = K hands for each of B images.
        boxes
            (H, 4) cx, cy, w, h of the hands, fractions of the image's longer side.
        heatmaps
            (B, 21, h, w) logits of the joints of all hands of an image.

        Returns
        -------
        tuple[Tensor, Tensor]
            (H, 21, width) joint queries and (H, 21, 4) reference boxes, fractions of the longer side.
        """
        instance = self.normalise(self.project(instances))
        side = longest_side(boxes)[:, None]
        guess = self.guess(instance).unflatten(-1, (JOINT_COUNT, 2))
        centres = boxes[:, None, :2] + side * self._locate(guess, self._look_around(boxes, side, heatmaps.to(boxes)))
        sizes = side * (_SMALLEST_REFERENCE + F.sigmoid(self.reference_size)).expand(len(boxes), -1, 2)
        return instance[:, None] + self.joint_embedding, torch.cat([centres, sizes], dim=-1)

    def _look_around(self, boxes: Tensor, side: Tensor, heatmaps: Tensor) -> Tensor:
        """(H, 4), (H, 1, 1), (B, 21, h, w) -> (H, 21, P): heatmaps at the places around each hand, bilinear."""
        (images, _, height, width), longer = heatmaps.shape, longer_side(heatmaps)
        seen = boxes[:, None, :2] + side * self.line[:, None]
        # The places lie on a grid, so that rows and columns are interpolated one after the other, by a matrix each.
        across, down = (
            _interpolation(longer * seen[..., axis], cells).reshape(images, -1, 1, len(self.line), cells)
            for axis, cells in ((0, width), (1, height))
        )
        return (down @ heatmaps[:, None] @ across.transpose(-1, -2)).flatten(0, 1).flatten(2)

    def _locate(self, guess: Tensor, logits: Tensor) -> Tensor:
        """(H, 21, 2), (H, 21, P) -> (H, 21, 2) mean of Gaussian times heatmap, box sides from the box's centre."""
        # log of the Gaussian, without what is the same for all places.
        closeness = guess @ self.places.T - self.places.square().sum(dim=-1) / 2
        product = self.guess_precision.exp() * closeness + self.heatmap_weight * logits
        return product.softmax(dim=-1) @ self.places


def _interpolation(places: Tensor, cells: int) -> Tensor:
    """(H, N) places in cells -> (H, N, cells) how much each cell counts; outside of the map the border does."""
    position = (places - 0.5).clamp(0, cells - 1)
    return F.relu(1 - (position[..., None] - torch.arange(cells, device=places.device).to(places)).abs())


def longest_side(boxes: Tensor) -> Tensor:
    """(..., 4) cx, cy, w, h -> (..., 1): the unit of length of a hand in the image."""
    return boxes[..., 2:].amax(dim=-1, keepdim=True)
