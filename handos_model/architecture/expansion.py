"""Joint expansion: from one query per hand to one query and one reference box per joint."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.aspect import longer_side
from handos_model.architecture.box_ops import box_longer_side
from handos_model.hand.skeleton import JOINT_COUNT

_MIN_REFERENCE_SIZE = 0.02
_WINDOW = 1.3
"""Side of the square window around a hand in which its joints are located, in box sides."""
_WINDOW_CELLS = 24
"""Grid points along a side of the window: about one per heatmap pixel if a hand fills the image."""


class JointExpansion(nn.Module):
    """Instance query + a learnable embedding per joint -> joint queries, with reference boxes inside the hand's box.

    The paper does not say how the reference boxes are initialised. As in ED-Pose (Yang et al., 2023), the position of
    each joint is predicted from the instance query, and the size of its box is a learnt fraction of the hand's. A
    single query is too imprecise for fingers, though: its prediction, a Gaussian, is multiplied by the joint's heatmap
    around the hand, and the mean of the product is the reference point. So the decoder starts at the right finger, and
    the heatmaps, which do not separate instances, are read for one hand at a time.
    """

    def __init__(self, instance_width: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(instance_width, width)
        self.normalise = nn.LayerNorm(width)
        self.joint_embedding = nn.Parameter(torch.randn(JOINT_COUNT, width))
        self.guess = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, JOINT_COUNT * 2))
        self.guess_precision = nn.Parameter(torch.full((JOINT_COUNT, 1), 4.0))
        """Logarithm of 1 / variance of the Gaussian, in box sides."""
        self.heatmap_weight = nn.Parameter(torch.full((JOINT_COUNT, 1), 3.0))
        """Exponent of the heatmap in the product, which sharpens it."""
        self.reference_size = nn.Parameter(torch.full((JOINT_COUNT, 1), -1.0))
        line = _WINDOW * ((torch.arange(_WINDOW_CELLS) + 0.5) / _WINDOW_CELLS - 0.5)
        self.register_buffer("line", line, persistent=False)
        # (P, 2) x, y in box sides from the box's centre, row by row.
        self.register_buffer("grid", torch.cartesian_prod(line, line).flip(-1), persistent=False)
        self.line: Tensor
        self.grid: Tensor

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
        side = box_longer_side(boxes)[:, None]
        guess = self.guess(instance).unflatten(-1, (JOINT_COUNT, 2))
        window = self._sample_window(boxes, side, heatmaps.to(boxes))
        centres = boxes[:, None, :2] + side * self._mean_of_product(guess, window)
        sizes = side * (_MIN_REFERENCE_SIZE + F.sigmoid(self.reference_size)).expand(-1, 2)
        return instance[:, None] + self.joint_embedding, torch.cat([centres, sizes], dim=-1)

    def _sample_window(self, boxes: Tensor, side: Tensor, heatmaps: Tensor) -> Tensor:
        """(H, 4), (H, 1, 1), (B, 21, h, w) -> (H, 21, P) logits at the grid around each hand, bilinear."""
        (images, _, height, width), longer = heatmaps.shape, longer_side(heatmaps)
        lines = boxes[:, None, :2] + side * self.line[:, None]
        # The samples form a grid, so rows and columns are interpolated separately, by one matrix each.
        across, down = (
            _interpolation_matrix(longer * lines[..., axis], cells).reshape(images, -1, 1, len(self.line), cells)
            for axis, cells in ((0, width), (1, height))
        )
        return (down @ heatmaps[:, None] @ across.transpose(-1, -2)).flatten(0, 1).flatten(2)

    def _mean_of_product(self, guess: Tensor, logits: Tensor) -> Tensor:
        """(H, 21, 2), (H, 21, P) -> (H, 21, 2) mean of Gaussian x heatmap, box sides from the box's centre."""
        # Log of the Gaussian, without the term that is the same at all grid points.
        log_gaussian = guess @ self.grid.T - self.grid.square().sum(dim=-1) / 2
        log_product = self.guess_precision.exp() * log_gaussian + self.heatmap_weight * logits
        return log_product.softmax(dim=-1) @ self.grid


def _interpolation_matrix(positions: Tensor, cells: int) -> Tensor:
    """(H, N) positions in cells -> (H, N, cells) linear interpolation weights; the border is repeated outside."""
    position = (positions - 0.5).clamp(0, cells - 1)
    return F.relu(1 - (position[..., None] - torch.arange(cells, device=positions.device).to(positions)).abs())
