"""Lifting: from joint queries to vertex queries and the camera query."""

import torch
from torch import Tensor, nn

from handos_model.hand.skeleton import JOINT_COUNT


class Lifting(nn.Module):
    """A learnable matrix (V + 1) x 21 applied to the joint queries; its last row makes the camera query.

    Parameters
    ----------
    skin_weights
        (V, 21) how much each joint moves each vertex, rows summing to 1: the start of the matrix.
    """

    def __init__(self, skin_weights: Tensor) -> None:
        super().__init__()
        camera = torch.full((1, JOINT_COUNT), 1 / JOINT_COUNT)
        self.matrix = nn.Parameter(torch.cat([skin_weights, camera]))
        self.register_buffer("reference_matrix", skin_weights.clone(), persistent=False)
        self.reference_matrix: Tensor

    def forward(self, joints: Tensor) -> Tensor:
        """(H, 21, d) -> (H, V + 1, d), the camera query last."""
        return self.matrix @ joints

    def lift_references(self, references: Tensor, boxes: Tensor) -> Tensor:
        """(H, 21, 4) of the joints and (H, 4) of the hands -> (H, V + 1, 4).

        A vertex looks where the joints that move it are; the camera query looks at the whole hand.
        """
        return torch.cat([self.reference_matrix @ references, boxes[:, None]], dim=1)
