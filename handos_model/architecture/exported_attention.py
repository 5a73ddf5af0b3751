"""Deformable attention as it runs on CPUs and is exported: the same numbers from operators that are fast there.

ONNX Runtime's GridSample processes each channel of each point separately. Here the channels of a head are contiguous,
so that each of a point's four neighbours is one row to gather, and one matrix product weights and sums all of them. A
query's points are contiguous too, x apart from y: arithmetic along such rows takes a fifth of the time of arithmetic
along pairs of coordinates.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from handos_model.architecture.aspect import longer_side
from handos_model.architecture.attention import DeformableAttention
from handos_model.architecture.decoder_layers import InteractiveLayer, JointLayer
from handos_model.architecture.handos import HandOS


def with_gathered_attention(model: HandOS) -> HandOS:
    """Copy the model with `GatheredDeformableAttention` in its decoder."""
    model = copy.deepcopy(model)
    for layer in (*model.decoder.joint_layers, *model.decoder.interactive_layers):
        assert isinstance(layer, JointLayer | InteractiveLayer)
        layer.read.attention = GatheredDeformableAttention.from_trained(layer.read.attention)
    return model


class GatheredDeformableAttention(DeformableAttention):
    """`DeformableAttention` of one image with bilinear sampling by gathering rows."""

    @classmethod
    def from_trained(cls, trained: DeformableAttention) -> "GatheredDeformableAttention":
        """Copy the weights of `trained`."""
        gathered = cls(trained.out.out_features, trained.heads, trained.levels, trained.points)
        gathered.load_state_dict(trained.state_dict())
        return gathered.to(trained.out.weight)

    def forward(self, queries: Tensor, references: Tensor, memory: list[Tensor]) -> Tensor:
        """Sample the memory of one image: (1, N, d), (1, N, 4), maps (1, d, h, w) -> (1, N, d)."""
        centres, extents = references[..., :2, None], references[..., 2:, None]
        # Single precision even if the rest is in half, which cannot address single pixels.
        locations = (centres + self._offsets(queries) * (extents / 2)).float()
        weights = self.weights(queries).unflatten(-1, (self.heads, -1)).softmax(dim=-1)
        neighbours = self._neighbours(locations, memory)
        rows, bilinear = (torch.cat([part.view_as(weights) for part in parts], dim=-1) for parts in neighbours)
        row_weights = bilinear.to(weights) * weights.repeat(1, 1, 1, 4)
        # Channels last before the levels are joined: ONNX Runtime's convolutions write them so without a transpose.
        values = [
            project(level).permute(0, 2, 3, 1).flatten(1, 2) for level, project in zip(memory, self.values, strict=True)
        ]
        table = torch.cat(values, dim=1).reshape(-1, values[0].shape[-1] // self.heads)
        gathered = table.index_select(0, rows.flatten()).reshape(-1, row_weights.shape[-1], table.shape[-1])
        return self.out((row_weights.flatten(0, 2)[:, None] @ gathered).reshape(queries.shape))

    def _offsets(self, queries: Tensor) -> Tensor:
        """(1, N, d) -> (1, N, 2, P) sampling offsets, all x before all y, P = heads x levels x points."""
        points = self.heads * self.levels * self.points
        weight = self.offsets.weight.reshape(points, 2, -1).transpose(0, 1).flatten(0, 1)
        bias = self.offsets.bias.reshape(points, 2).T.flatten()
        return F.linear(queries, weight, bias).reshape(*queries.shape[:2], 2, points)

    def _neighbours(self, locations: Tensor, memory: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The four pixels around each sampling location, and their bilinear weights.

        Parameters
        ----------
        locations
            (1, N, 2, P) fractions of the image's longer side; outside the image the border is repeated.
        memory
            Feature maps, whose pixels follow one another in the table.

        Returns
        -------
        tuple[list[Tensor], list[Tensor]]
            Rows of the table and weights, four of (1, N, P) each.
        """
        heights, widths = ([level.shape[axis] for level in memory] for axis in (-2, -1))
        size = torch.stack([self._per_point(widths), self._per_point(heights)])
        longer = self._per_point([longer_side(level) for level in memory])
        pixels = torch.minimum((locations * longer - 0.5).clamp(min=0), size - 1)
        # At most the last pixel but one, so that there is a pixel after it.
        first = torch.minimum(pixels.floor(), size - 2)
        right, below = (pixels - first).unbind(2)
        left, above = 1 - right, 1 - below
        column, line = first.int().unbind(2)
        pixels_before = [sum(level.shape[-2] * level.shape[-1] for level in memory[:k]) for k in range(len(memory))]
        start, width = (self._per_point(values).int() for values in (pixels_before, widths))
        head = torch.arange(self.heads, dtype=torch.int32).repeat_interleave(self.levels * self.points)
        row = self.heads * (line * width + column + start) + head
        next_line = self.heads * width
        rows = [row, row + self.heads, row + next_line, row + next_line + self.heads]
        return rows, [above * left, above * right, below * left, below * right]

    def _per_point(self, levels: list[int]) -> Tensor:
        """One number per level -> (P,) float32, repeated for each head and each point of the level."""
        numbers = torch.stack([torch.scalar_tensor(number) for number in levels])
        return numbers.repeat_interleave(self.points).repeat(self.heads)
