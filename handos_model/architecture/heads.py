"""Heads: from queries to 2D joints, vertices, 3D joints and the camera."""

import torch
from torch import Tensor, nn

from handos_model.architecture.expansion import longest_side
from handos_model.hand.skeleton import ROOT_JOINT

_METRES = 0.1
"""The vertex head's unit: about the distance of a vertex from the root joint."""
_BOX_SIDE_METRES = 0.15
"""Length of a hand's box at the depth of its root in the mean training image; the camera head predicts the ratio."""
_SPREAD_LIMIT = 6.0


def _perceptron(width: int, outputs: int) -> nn.Sequential:
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.bias)
    last.weight.data *= 0.1
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), last)


class JointHead(nn.Module):
    """Moves the reference boxes of joints and says how sure it is.

    The step is in units of the hand's box, so that a joint may leave the image; DETR's inverse-sigmoid refinement
    could not follow it there.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.perceptron = _perceptron(width, 3)

    def forward(self, joints: Tensor, references: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """(H, 21, d), (H, 21, 4), (H, 4) -> refined references (H, 21, 4), spread of a Laplace distribution (H, 21).

        Both are fractions of the image's longer side.
        """
        side = longest_side(boxes)
        step, spread = self.perceptron(joints).split([2, 1], dim=-1)
        moved = torch.cat([references[..., :2] + step * side[:, None], references[..., 2:]], dim=-1)
        return moved, 0.1 * side * spread[..., 0].clamp(-_SPREAD_LIMIT, _SPREAD_LIMIT).exp()


class VertexHead(nn.Module):
    """Vertices from their queries, 3D joints by the joint regressor.

    Parameters
    ----------
    width
        Channels of the queries.
    upsampling
        (V, C) all vertices from the C that are queries; ``None`` where all are queries.
    joint_regressor
        (21, V)
    """

    def __init__(self, width: int, upsampling: Tensor | None, joint_regressor: Tensor) -> None:
        super().__init__()
        self.perceptron = _perceptron(width, 3)
        self.register_buffer("upsampling", upsampling, persistent=False)
        self.register_buffer("joint_regressor", joint_regressor, persistent=False)
        self.upsampling: Tensor | None
        self.joint_regressor: Tensor

    def forward(self, vertices: Tensor) -> tuple[Tensor, Tensor]:
        """(H, C, d) -> (H, V, 3) vertices and (H, 21, 3) joints, metres from the root joint, ray-aligned frame."""
        full = _METRES * self.perceptron(vertices)
        if self.upsampling is not None:
            full = self.upsampling @ full
        joints = self.joint_regressor @ full
        root = joints[:, ROOT_JOINT, None]
        return full - root, joints - root


class CameraHead(nn.Module):
    """Where the root joint is seen, and how many pixels a metre takes there.

    The paper does not publish its parameterisation. This one is relative to the hand's box and knows no focal length:
    cropping and resizing change the box, u, v and pixels per metre alike, another focal length is divided out when
    the position is computed from the intrinsics (z = f / pixels per metre).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.perceptron = _perceptron(width, 3)

    def forward(self, camera: Tensor, boxes: Tensor) -> Tensor:
        """(H, d), (H, 4) -> (H, 3) u, v as fractions of the longer side, and longer sides per metre."""
        side = longest_side(boxes)
        step, scale = self.perceptron(camera).split([2, 1], dim=-1)
        return torch.cat([boxes[:, :2] + step * side, side / _BOX_SIDE_METRES * scale.exp()], dim=-1)
