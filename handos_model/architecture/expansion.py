"""Expansion: from one query per hand to one query and one reference box per joint."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.hand.skeleton import JOINT_COUNT

_SMALLEST_REFERENCE = 0.02


class JointExpansion(nn.Module):
    """Instance query + a learnable embedding per joint -> joint queries, with reference boxes inside the hand's box.

    As in ED-Pose (Yang et al., 2023) the size of a joint's reference box is a learnt fraction of the hand's box.
    """

    def __init__(self, instance_width: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(instance_width, width)
        self.normalise = nn.LayerNorm(width)
        self.joint_embedding = nn.Parameter(torch.randn(JOINT_COUNT, width))
        self.place = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, JOINT_COUNT * 2))
        self.reference_size = nn.Parameter(torch.full((JOINT_COUNT, 1), -1.0))

    def forward(self, instances: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Expand.

        Parameters
        ----------
        instances
            (H, 2d) joined detector queries of H hands.
        boxes
            (H, 4) cx, cy, w, h of the hands, fractions of the image.

        Returns
        -------
        tuple[Tensor, Tensor]
            (H, 21, width) joint queries and (H, 21, 4) reference boxes, fractions of the image.
        """
        instance = self.normalise(self.project(instances))
        side = longest_side(boxes)[:, None]
        centres = boxes[:, None, :2] + self.place(instance).unflatten(-1, (JOINT_COUNT, 2)) * side
        sizes = side * (_SMALLEST_REFERENCE + F.sigmoid(self.reference_size)).expand(len(boxes), -1, 2)
        return instance[:, None] + self.joint_embedding, torch.cat([centres, sizes], dim=-1)


def longest_side(boxes: Tensor) -> Tensor:
    """(..., 4) cx, cy, w, h -> (..., 1): the unit of length of a hand in the image."""
    return boxes[..., 2:].amax(dim=-1, keepdim=True)
