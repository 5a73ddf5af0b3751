"""Attention among queries, and deformable attention of queries to feature maps."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handos_model.architecture.aspect import longer_side


class Attention(nn.Module):
    """Multi-head attention; positions are added to what is compared, not to what is passed on."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, asking: Tensor, asking_position: Tensor, seen: Tensor, seen_position: Tensor) -> Tensor:
        """(H, N, d) queries look at (H, M, d) queries of the same hand -> (H, N, d)."""
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project, x in (
                (self.query, asking + asking_position),
                (self.key, seen + seen_position),
                (self.value, seen),
            )
        )
        return self.out(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class DeformableAttention(nn.Module):
    """Every query reads a few points around its reference box (Zhu et al., Deformable DETR, 2021).

    Sampled positions are reference centre + offset x half the reference box. All queries of an image are sampled in
    one call with the image as batch: its cost follows points x channels, not the size of the maps.
    """

    def __init__(self, width: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.offsets = nn.Linear(width, heads * levels * points * 2)
        self.weights = nn.Linear(width, heads * levels * points)
        self.values = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(levels))
        self.out = nn.Linear(width, width)
        self._spread_points()

    def _spread_points(self) -> None:
        """Start with each head looking in a direction of its own, each point a little further out."""
        angles = torch.arange(self.heads) * (2 * math.pi / self.heads)
        directions = torch.stack([angles.cos(), angles.sin()], dim=-1)
        reach = (torch.arange(self.points) + 1) / self.points
        start = directions[:, None, None] * reach[:, None]
        nn.init.zeros_(self.offsets.weight)
        self.offsets.bias.data = start.expand(-1, self.levels, -1, -1).flatten().clone()
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias)

    def forward(self, queries: Tensor, references: Tensor, memory: list[Tensor]) -> Tensor:
        """Read the memory.

        Parameters
        ----------
        queries
            (B, N, d), positions added.
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
        places = box[..., :2] + offsets * box[..., 2:] / 2
        # (B, N, heads, levels, points, ..) -> heads beside the batch
        places = places.permute(0, 2, 3, 1, 4, 5).flatten(0, 1)
        weights = weights.transpose(1, 2).flatten(0, 1)
        sampled = []
        for level, (features, project) in enumerate(zip(memory, self.values, strict=True)):
            values = project(features).unflatten(1, (self.heads, -1)).flatten(0, 1)
            sampled.append(
                F.grid_sample(values, _grid(places[:, level], values), align_corners=False, padding_mode="border")
            )
        read = (torch.cat(sampled, dim=-1) * weights[:, None]).sum(dim=-1)
        merged = read.reshape(len(queries), -1, count).transpose(1, 2)
        return self.out(merged)


def _grid(places: Tensor, features: Tensor) -> Tensor:
    """(.., 2) fractions of the longer side -> `grid_sample`'s coordinates, -1 to 1 across a map (B, d, h, w)."""
    longer, (height, width) = longer_side(features), features.shape[-2:]
    return torch.stack([places[..., 0] * (longer / width), places[..., 1] * (longer / height)], dim=-1) * 2 - 1
