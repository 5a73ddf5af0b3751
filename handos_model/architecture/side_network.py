"""The side network: fine-grained features for the decoder from a shallow layer of the frozen backbone."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.hand.skeleton import JOINT_COUNT

_PRIOR_LOGIT = -4.0
"""Initial logit of the heatmaps: nearly every cell is far from all joints."""


@dataclass(frozen=True)
class Memory:
    """Features of B images that the decoder attends to."""

    maps: list[Tensor]
    """(B, width, h, w) features, finest first: F_GD of the paper."""
    joint_heatmaps: Tensor
    """(B, 21, h, w) logits "this joint of a hand is here", with the resolution of the first map."""


class SideNetwork(nn.Module):
    """Shallow backbone features and encoder features -> the memory that every decoder layer attends to.

    Parameters
    ----------
    shallow_channels, encoder_channels
        Channels of the detector's features.
    width
        Channels of the memory.
    encoder_levels
        Number of the encoder's feature maps.
    """

    def __init__(self, shallow_channels: int, encoder_channels: int, width: int, encoder_levels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(shallow_channels, width // 2, 1)
        self.reduce_encoder = nn.Conv2d(encoder_channels, width // 2, 1)
        self.refine = nn.Conv2d(width // 2, width, 3, padding=1)
        self.project_encoder = nn.ModuleList(nn.Conv2d(encoder_channels, width, 1) for _ in range(encoder_levels))
        self.joint_heatmaps = nn.Conv2d(width, JOINT_COUNT, 1)
        nn.init.constant_(self.joint_heatmaps.bias, _PRIOR_LOGIT)  # type: ignore[arg-type]

    def forward(self, shallow: Tensor, encoder_features: tuple[Tensor, ...]) -> Memory:
        """(B, C, 2h, 2w) and the encoder's maps, the finest (h, w) -> memory with one more, finest map of (2h, 2w)."""
        coarse = [project(level) for project, level in zip(self.project_encoder, encoder_features, strict=True)]
        # The finest level gets the encoder's context too: shallow features alone cannot tell fingers apart.
        context = F.interpolate(self.reduce_encoder(encoder_features[0]), scale_factor=2.0, mode="nearest")
        finest = self.refine(F.relu(self.reduce(shallow) + context))
        return Memory([finest, *coarse], self.joint_heatmaps(F.relu(finest)))
