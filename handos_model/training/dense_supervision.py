"""Dense supervision: joint heatmaps and part ids, predicted from the finest level of the memory."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.side_network import Memory
from handos_model.training.batch import PART_COUNT, UNKNOWN_PART, Batch

_JOINT_WEIGHT = 10.0
"""Additional weight of a cell at a joint, relative to one far from all joints."""


class DenseSupervision(nn.Module):
    """Losses of every cell of the memory; the part id head exists in training only, and has none if trained gently.

    The detector is frozen before the decoder is trained, so its features must encode joints already: without dense
    losses in the first stage the decoder finds joints a third less often. In the second stage they train the side
    network faster than the few points that the decoder samples.
    """

    def __init__(self, width: int, gentle: bool = False) -> None:
        super().__init__()
        self._gentle = gentle
        self.parts = nn.Conv2d(width, PART_COUNT, 1)

    def forward(self, memory: Memory, batch: Batch) -> dict[str, Tensor]:
        """Losses of the finest level, whose stride is that of the part ids (8) or finer."""
        rows, columns = batch.part_ids.shape[-2:]
        features = F.relu(F.adaptive_avg_pool2d(memory.maps[0].float(), (rows, columns)))
        logits = F.adaptive_avg_pool2d(memory.joint_heatmaps.float(), (rows, columns))
        target = joint_heatmaps(batch, rows, columns)
        weight = (1 + _JOINT_WEIGHT * target) * _is_known(batch, rows, columns)[:, None]
        heat = F.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
        losses = {"heatmaps": 0.005 * heat / (batch.is_hand & batch.has_joints).sum().clamp(min=1)}
        if self._gentle:
            return losses
        parts = F.cross_entropy(self.parts(features), batch.part_ids.long(), ignore_index=UNKNOWN_PART, reduction="sum")
        known = (batch.part_ids != UNKNOWN_PART).sum().clamp(min=1)
        return losses | {"parts": parts / known}


def joint_heatmaps(batch: Batch, rows: int, columns: int) -> Tensor:
    """(B, 21, rows, columns) Gaussians around the joints, as wide as a finger; the maximum over the hands."""
    side = (batch.boxes[..., 2:] - batch.boxes[..., :2]).amax(dim=-1)
    spread = (0.05 * side).clamp(min=0.6 * batch.image.shape[-1] / columns)[..., None, None]
    across, down = (
        torch.exp(-(((centres - batch.joints_2d[..., axis, None]) / spread) ** 2) / 2)
        for axis, centres in enumerate(_centres(batch, rows, columns))
    )
    has_joints = batch.is_hand & batch.has_joints
    maps = down[..., :, None] * across[..., None, :] * has_joints[..., None, None, None]
    return maps.amax(dim=1)


def _centres(batch: Batch, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Pixels x of the centres of all columns, and y of all rows."""
    height, width = batch.image.shape[-2:]
    x, y = (
        (torch.arange(cells, device=batch.boxes.device) + 0.5) * (length / cells)
        for length, cells in ((width, columns), (height, rows))
    )
    return x, y


def _is_known(batch: Batch, rows: int, columns: int) -> Tensor:
    """(B, rows, columns) where the heatmaps are known: not in hands without joints, nor where hands may be missing."""
    x, y = _centres(batch, rows, columns)
    left, top, right, bottom = batch.boxes[..., None].unbind(dim=-2)
    without_joints = (~batch.has_joints)[..., None]
    across, down = (x > left) & (x < right) & without_joints, (y > top) & (y < bottom)
    in_hand = (down[..., :, None] & across[..., None, :]).any(dim=1)
    return ~in_hand & batch.is_complete[:, None, None]
