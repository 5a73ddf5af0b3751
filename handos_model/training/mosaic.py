"""Mosaics: four views of half the size as one, with many and small hands, as in images of several people."""

from dataclasses import fields

import torch
from torch import Tensor

from handos_model.architecture.input_size import InputSize
from handos_model.training.batch import Batch

_SIDE = 2
TILES = _SIDE**2
"""Views in a mosaic."""


def tile_size(size: InputSize) -> InputSize:
    """Size of the views that a mosaic of a size consists of."""
    return InputSize(size.height // _SIDE, size.width // _SIDE)


def join_tiles(tiles: Batch) -> Batch:
    """Join every four views (h, w) to one of (2h, 2w); it has all of their hands."""
    height, width = tiles.image.shape[-2:]
    number = torch.arange(len(tiles.image), device=tiles.image.device) % TILES
    offset = torch.stack([number % _SIDE * width, number // _SIDE * height], dim=-1).to(tiles.boxes)[:, None]
    moved = {
        "boxes": tiles.boxes + offset.repeat(1, 1, 2),
        "joints_2d": tiles.joints_2d + offset[:, :, None],
        "camera": torch.cat([tiles.camera[..., :2] + offset, tiles.camera[..., 2:]], dim=-1),
    }

    def joined(name: str) -> Tensor:
        values = moved.get(name, getattr(tiles, name))
        if name in ("image", "part_ids"):
            return _join_maps(values)
        values = values.unflatten(0, (-1, TILES))
        return values.all(dim=1) if name == "is_complete" else values.flatten(1, 2)

    return Batch(**{field.name: joined(field.name) for field in fields(Batch)})


def _join_maps(values: Tensor) -> Tensor:
    """(4 B, ..., h, w) -> (B, ..., 2 h, 2 w)"""
    rows = torch.cat([values[column::_SIDE] for column in range(_SIDE)], dim=-1)
    return torch.cat([rows[row::_SIDE] for row in range(_SIDE)], dim=-2)
