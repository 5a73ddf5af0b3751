"""Deformable attention in the form in which it is exported: the same numbers from operators that runtimes do fast.

ONNX Runtime's GridSample looks at every channel of every point by itself. Here the channels of a head lie side by side,
so that each of a point's four neighbours is one row to copy, and one matrix product weighs and adds all of them.
"""

import torch
from torch import Tensor

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
        count = queries.shape[1]
        shape = (self.heads, self.levels, self.points)
        offsets = self.offsets(queries).unflatten(-1, (*shape, 2))
        weights = self.weights(queries).unflatten(-1, (self.heads, -1)).softmax(dim=-1).unflatten(-1, shape[1:])
        box = references[:, :, None, None, None]
        places = box[..., :2] + offsets * box[..., 2:] / 2
        rows, shares = _neighbours(places, weights, self.heads, [(level.shape[3], level.shape[2]) for level in memory])
        shares = shares.flatten(3).flatten(0, 2)[:, None]
        values = torch.cat(
            [project(level).flatten(2) for level, project in zip(memory, self.values, strict=True)], dim=-1
        )
        table = values.transpose(1, 2).reshape(-1, values.shape[1] // self.heads)
        read = table.index_select(0, rows.flatten()).reshape(shares.shape[0], shares.shape[2], -1)
        return self.out((shares @ read).reshape(1, count, -1))


def _neighbours(places: Tensor, weights: Tensor, heads: int, sizes: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """The four pixels around each place, and how much each of them counts.

    The four are computed one by one and put side by side: broadcasting along a last axis of two takes ONNX Runtime
    five times as long.

    Parameters
    ----------
    places
        (1, N, heads, levels, points, 2) fractions of the image; outside of it the border counts.
    weights
        (1, N, heads, levels, points) of the places.
    heads
        Rows that each pixel has in the table.
    sizes
        Width and height of every level, whose pixels follow one another in the table.

    Returns
    -------
    tuple[Tensor, Tensor]
        Rows of the table and shares, both (1, N, heads, levels, points, 4).
    """
    size = places.new_tensor(sizes)[:, None]
    pixels = torch.minimum((places * size - 0.5).clamp(min=0), size - 1)
    # One pixel before the last at most, so that there is a pixel behind it.
    first = torch.minimum(pixels.floor(), size - 2)
    right, below = (pixels - first).unbind(-1)
    lower, upper = weights * below, weights * (1 - below)
    shares = [upper * (1 - right), upper * right, lower * (1 - right), lower * right]
    starts = [sum(width * height for width, height in sizes[:level]) for level in range(len(sizes))]
    column, line = first.unbind(-1)
    pixel = (line * size[..., 0] + column + places.new_tensor(starts)[:, None]).long()
    row = heads * pixel + torch.arange(heads)[:, None, None]
    next_line = heads * torch.tensor([width for width, _ in sizes])[:, None]
    rows = [row, row + heads, row + next_line, row + next_line + heads]
    return torch.stack(rows, dim=-1), torch.stack(shares, dim=-1)
