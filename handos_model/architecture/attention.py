"""Multi-head attention among queries, and deformable attention from queries to feature maps."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.aspect import longer_side


class Attention(nn.Module):
    """Multi-head attention; position embeddings are added to queries and keys, not to values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, query: Tensor, query_position: Tensor, key: Tensor, key_position: Tensor) -> Tensor:
        """(H, N, d) attend to (H, M, d) of the same hand -> (H, N, d); values are projected from `key`."""
        q, k, v = (
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projected in (self.query(query + query_position), self.key(key + key_position), self.value(key))
        )
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class DeformableAttention(nn.Module):
    """Each query samples a few points around its reference box (Zhu et al., Deformable DETR, 2021).

    Sampling locations are reference centre + offset x half the reference size. All queries of an image are sampled in
    one call, with the image as batch; the cost depends on points x channels, not on the size of the maps.
    """

    def __init__(self, width: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.offsets = nn.Linear(width, heads * levels * points * 2)
        self.weights = nn.Linear(width, heads * levels * points)
        self.values = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(levels))
        self.out = nn.Linear(width, width)
        self._init_offsets()

    def _init_offsets(self) -> None:
        """Give each head its own direction, and each point of a head its own distance."""
        angles = torch.arange(self.heads) * (2 * math.pi / self.heads)
        directions = torch.stack([angles.cos(), angles.sin()], dim=-1)
        distances = (torch.arange(self.points) + 1) / self.points
        offsets = directions[:, None, None] * distances[:, None]
        nn.init.zeros_(self.offsets.weight)
        self.offsets.bias.data = offsets.expand(-1, self.levels, -1, -1).flatten().clone()
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias)

    def forward(self, queries: Tensor, references: Tensor, memory: list[Tensor]) -> Tensor:
        """Sample the memory.

        Parameters
        ----------
        queries
            (B, N, d), position embeddings added.
        references
            (B, N, 4) cx, cy, w, h as fractions of the image's longer side.
        memory
            Feature maps (B, d, h, w), one for each level.

        Returns
        -------
        Tensor
            (B, N, d)
        """
        count = queries.shape[1]
        shape = (self.heads, self.levels, self.points)
        offsets = self.offsets(queries).unflatten(-1, (*shape, 2))
        weights = self.weights(queries).unflatten(-1, (self.heads, -1)).softmax(dim=-1)
        box = references[:, :, None, None, None]
        locations = box[..., :2] + offsets * box[..., 2:] / 2
        # (B, N, heads, levels, points, 2) -> (B heads, levels, N, points, 2)
        locations = locations.permute(0, 2, 3, 1, 4, 5).flatten(0, 1)
        weights = weights.transpose(1, 2).flatten(0, 1)
        sampled = []
        for level, (features, project) in enumerate(zip(memory, self.values, strict=True)):
            values = project(features).unflatten(1, (self.heads, -1)).flatten(0, 1)
            sampled.append(
                F.grid_sample(values, _grid(locations[:, level], values), align_corners=False, padding_mode="border")
            )
        attended = (torch.cat(sampled, dim=-1) * weights[:, None]).sum(dim=-1)
        return self.out(attended.reshape(len(queries), -1, count).transpose(1, 2))


def _grid(locations: Tensor, features: Tensor) -> Tensor:
    """(..., 2) fractions of the longer side -> coordinates of `grid_sample` in (B, d, h, w) maps, -1 to 1 over h, w."""
    longer, (height, width) = longer_side(features), features.shape[-2:]
    return torch.stack([locations[..., 0] * (longer / width), locations[..., 1] * (longer / height)], dim=-1) * 2 - 1
