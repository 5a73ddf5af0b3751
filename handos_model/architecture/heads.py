"""Heads: from queries to 2D joints, vertices, 3D joints and the camera."""

import torch
from torch import Tensor, nn

from handos_model.architecture.box_ops import box_longer_side
from handos_model.hand.skeleton import ROOT_JOINT

_VERTEX_UNIT = 0.1
"""Metres per unit of the vertex head: about the distance of a vertex from the root joint."""
_MEAN_BOX_SIDE = 0.15
"""Metres: a box's longer side at the hand's depth, mean of the training images; the head predicts the ratio to it."""
_MAX_LOG_SPREAD = 6.0


def _mlp(width: int, outputs: int) -> nn.Sequential:
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.bias)
    last.weight.data *= 0.1
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), last)


class JointHead(nn.Module):
    """Refines the reference boxes of joints and predicts the uncertainty of their centres.

    The step is in units of the hand's box, so that a joint may lie outside the image, where DETR's inverse-sigmoid
    refinement cannot reach it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.perceptron = _mlp(width, 3)

    def forward(self, joints: Tensor, references: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """(H, 21, d), (H, 21, 4), (H, 4) -> refined boxes (H, 21, 4) and scale of a Laplace distribution (H, 21).

        Both are fractions of the image's longer side.
        """
        side = box_longer_side(boxes)
        step, spread = self.perceptron(joints).split([2, 1], dim=-1)
        refined = torch.cat([references[..., :2] + step * side[:, None], references[..., 2:]], dim=-1)
        return refined, 0.1 * side * spread[..., 0].clamp(-_MAX_LOG_SPREAD, _MAX_LOG_SPREAD).exp()


class VertexHead(nn.Module):
    """Vertices from the vertex queries, 3D joints from the vertices by the joint regressor.

    Parameters
    ----------
    width
        Channels of the queries.
    upsampling
        (V, C) from the C vertices that have queries to all; ``None`` if all have one.
    joint_regressor
        (21, V)
    """

    def __init__(self, width: int, upsampling: Tensor | None, joint_regressor: Tensor) -> None:
        super().__init__()
        self.perceptron = _mlp(width, 3)
        self.register_buffer("upsampling", upsampling, persistent=False)
        self.register_buffer("joint_regressor", joint_regressor, persistent=False)
        self.upsampling: Tensor | None
        self.joint_regressor: Tensor

    def forward(self, vertices: Tensor) -> tuple[Tensor, Tensor]:
        """(H, C, d) -> (H, V, 3) vertices and (H, 21, 3) joints, metres from the root joint, ray-aligned frame."""
        full = _VERTEX_UNIT * self.perceptron(vertices)
        if self.upsampling is not None:
            full = self.upsampling @ full
        joints = self.joint_regressor @ full
        root = joints[:, ROOT_JOINT, None]
        return full - root, joints - root


class CameraHead(nn.Module):
    """The root joint's position in the image, and the pixels per metre at its depth.

    The paper does not publish its parameterisation. This one is relative to the hand's box and does not depend on the
    focal length: cropping and resizing change the box, u, v and pixels per metre alike, and the focal length comes in
    when the position is computed from the intrinsics (z = f / pixels per metre).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.perceptron = _mlp(width, 3)

    def forward(self, camera: Tensor, boxes: Tensor) -> Tensor:
        """(H, d), (H, 4) -> (H, 3) u, v as fractions of the longer side, and longer sides per metre."""
        side = box_longer_side(boxes)
        step, scale = self.perceptron(camera).split([2, 1], dim=-1)
        return torch.cat([boxes[:, :2] + step * side, side / _MEAN_BOX_SIDE * scale.exp()], dim=-1)
