"""Joint heatmaps and part ids, read from the finest level of the memory: what keeps the features sharp."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.side_network import Memory
from handos_model.training.sample import PART_COUNT, UNKNOWN_PART, Batch

_JOINT_CELL = 10.0
"""How much more a cell at a joint counts than one far from all."""


class DenseSupervision(nn.Module):
    """Losses of every cell of the memory; the head for part ids exists in training only.

    The detector is frozen before the decoder learns, so its features must already know about joints: without dense
    losses in the first stage the decoder finds joints a third less often. In the second stage they keep on teaching
    the side network, which is faster than through the few points that the decoder reads.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.parts = nn.Conv2d(width, PART_COUNT, 1)

    def forward(self, memory: Memory, batch: Batch) -> dict[str, Tensor]:
        """Losses of the finest level, which has the part ids' stride of 8 or a finer one."""
        cells = batch.part_ids.shape[-1]
        features = F.relu(F.adaptive_avg_pool2d(memory.maps[0].float(), cells))
        logits = F.adaptive_avg_pool2d(memory.joint_heatmaps.float(), cells)
        target = joint_heatmaps(batch, cells)
        weight = 1 + _JOINT_CELL * target
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
