"""Deformable attention in the form in which it is exported: the same numbers from operators that runtimes do fast.

ONNX Runtime's GridSample looks at every channel of every point by itself. Here the channels of a head lie side by side,
so that each of a point's four neighbours is one row to copy, and one matrix product weighs and adds all of them. A
query's points lie side by side too, horizontal places apart from vertical ones: arithmetic along rows of that length
takes a fifth of the time of arithmetic along pairs of coordinates.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from handos_model.architecture.aspect import longer_side
from handos_model.architecture.attention import DeformableAttention


class ExportedAttention(DeformableAttention):
    """`DeformableAttention` that gathers rows; takes over the weights of one by `of`."""

    @classmethod
    def of(cls, trained: DeformableAttention) -> "ExportedAttention":
        """Make one with the very weights of `trained`."""
        exported = cls(trained.out.out_features, trained.heads, trained.levels, trained.points)
        exported.load_state_dict(trained.state_dict())
        return exported.to(trained.out.weight)

    def forward(self, queries: Tensor, references: Tensor, memory: list[Tensor]) -> Tensor:
        """Read the memory of one image: (1, N, d), (1, N, 4), maps (1, d, h, w) -> (1, N, d)."""
        centres, extents = references[..., :2, None], references[..., 2:, None]
        # In single precision also where the rest is in half: that has not enough digits to name a pixel.
        places = (centres + self._offsets(queries) * (extents / 2)).float()
        weights = self.weights(queries).unflatten(-1, (self.heads, -1)).softmax(dim=-1)
        neighbours = self._neighbours(places, memory)
        rows, shares = (torch.cat([part.view_as(weights) for part in parts], dim=-1) for parts in neighbours)
        shares = shares.to(weights) * weights.repeat(1, 1, 1, 4)
        values = torch.cat(
            [project(level).flatten(2) for level, project in zip(memory, self.values, strict=True)], dim=-1
        )
        table = values.transpose(1, 2).reshape(-1, values.shape[1] // self.heads)
        read = table.index_select(0, rows.flatten()).reshape(-1, shares.shape[-1], table.shape[-1])
        return self.out((shares.flatten(0, 2)[:, None] @ read).reshape(queries.shape))

    def _offsets(self, queries: Tensor) -> Tensor:
        """(1, N, d) -> (1, N, 2, P), horizontal ones first, P = heads x levels x points."""
        points = self.heads * self.levels * self.points
        weight = self.offsets.weight.reshape(points, 2, -1).transpose(0, 1).flatten(0, 1)
        bias = self.offsets.bias.reshape(points, 2).T.flatten()
        return F.linear(queries, weight, bias).reshape(*queries.shape[:2], 2, points)

    def _neighbours(self, places: Tensor, memory: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The four pixels around each place, and how much each of them counts.

        Parameters
        ----------
        places
            (1, N, 2, P) fractions of the image's longer side; outside of the image the border counts.
        memory
            The levels, whose pixels follow one another in the table.

        Returns
        -------
        tuple[list[Tensor], list[Tensor]]
            Rows of the table and shares, four of (1, N, P) each.
        """
        heights, widths = ([level.shape[axis] for level in memory] for axis in (-2, -1))
        size = torch.stack([self._of_each_point(widths), self._of_each_point(heights)])
        longer = self._of_each_point([longer_side(level) for level in memory])
        pixels = torch.minimum((places * longer - 0.5).clamp(min=0), size - 1)
        # One pixel before the last at most, so that there is a pixel behind it.
        first = torch.minimum(pixels.floor(), size - 2)
        right, below = (pixels - first).unbind(2)
        left, above = 1 - right, 1 - below
        column, line = first.int().unbind(2)
        pixels_before = [sum(level.shape[-2] * level.shape[-1] for level in memory[:k]) for k in range(len(memory))]
        start, width = (self._of_each_point(values).int() for values in (pixels_before, widths))
        head = torch.arange(self.heads, dtype=torch.int32).repeat_interleave(self.levels * self.points)
        row = self.heads * (line * width + column + start) + head
        next_line = self.heads * width
        rows = [row, row + self.heads, row + next_line, row + next_line + self.heads]
        return rows, [above * left, above * right, below * left, below * right]

    def _of_each_point(self, levels: list[int]) -> Tensor:
        """A number for each level -> (P,) float32: the same for each of the points in it."""
        numbers = torch.stack([torch.scalar_tensor(number) for number in levels])
        return numbers.repeat_interleave(self.points).repeat(self.heads)
