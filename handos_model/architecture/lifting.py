"""Lifting: from joint queries to vertex queries and the camera query."""

import torch
from torch import Tensor, nn

from handos_model.hand.skeleton import JOINT_COUNT


class Lifting(nn.Module):
    """A learnable (V + 1) x 21 matrix applied to the joint queries; its last row gives the camera query.

    Parameters
    ----------
    skin_weights
        (V, 21) how much each joint moves each vertex, rows summing to 1: initial value of the matrix.
    """

    def __init__(self, skin_weights: Tensor) -> None:
        super().__init__()
        camera = torch.full((1, JOINT_COUNT), 1 / JOINT_COUNT)
        self.matrix = nn.Parameter(torch.cat([skin_weights, camera]))
        self.register_buffer("reference_matrix", skin_weights.clone(), persistent=False)
        self.reference_matrix: Tensor

    def forward(self, joints: Tensor) -> Tensor:
        """(H, 21, d) joint queries -> (H, V + 1, d) vertex queries, then the camera query."""
        return self.matrix @ joints

    def lift_references(self, references: Tensor, boxes: Tensor) -> Tensor:
        """(H, 21, 4) reference boxes of the joints, (H, 4) boxes of the hands -> (H, V + 1, 4) reference boxes.

        A vertex's is the weighted mean of those of the joints that move it; the camera query's is the hand's box.
        """
        return torch.cat([self.reference_matrix @ references, boxes[:, None]], dim=1)
