"""Dense supervision: joint heatmaps and part ids, predicted from the finest level of the memory."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.side_network import Memory
from handos_model.training.batch import PART_COUNT, UNKNOWN_PART, Batch

_JOINT_WEIGHT = 10.0
"""Additional weight of a cell at a joint, relative to one far from all joints."""


class DenseSupervision(nn.Module):
    """Losses of every cell of the memory; the part id head exists in training only.

    The detector is frozen before the decoder is trained, so its features must encode joints already: without dense
    losses in the first stage the decoder finds joints a third less often. In the second stage they train the side
    network faster than the few points that the decoder samples.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.parts = nn.Conv2d(width, PART_COUNT, 1)

    def forward(self, memory: Memory, batch: Batch) -> dict[str, Tensor]:
        """Losses of the finest level, whose stride is that of the part ids (8) or finer."""
        cells = batch.part_ids.shape[-1]
        features = F.relu(F.adaptive_avg_pool2d(memory.maps[0].float(), cells))
        logits = F.adaptive_avg_pool2d(memory.joint_heatmaps.float(), cells)
        target = joint_heatmaps(batch, cells)
        weight = 1 + _JOINT_WEIGHT * target
        heat = F.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
        parts = F.cross_entropy(self.parts(features), batch.part_ids.long(), ignore_index=UNKNOWN_PART, reduction="sum")
        known = (batch.part_ids != UNKNOWN_PART).sum().clamp(min=1)
        return {"heatmaps": 0.005 * heat / batch.is_hand.sum().clamp(min=1), "parts": parts / known}


def joint_heatmaps(batch: Batch, cells: int) -> Tensor:
    """(B, 21, cells, cells) Gaussians around the joints, as wide as a finger; the maximum over the hands."""
    stride = batch.image.shape[-1] / cells
    centres = (torch.arange(cells, device=batch.boxes.device) + 0.5) * stride
    side = (batch.boxes[..., 2:] - batch.boxes[..., :2]).amax(dim=-1)
    spread = (0.05 * side).clamp(min=0.6 * stride)[..., None, None]
    across, down = (torch.exp(-(((centres - batch.joints_2d[..., k, None]) / spread) ** 2) / 2) for k in (0, 1))
    maps = down[..., :, None] * across[..., None, :] * batch.is_hand[..., None, None, None]
    return maps.amax(dim=1)
