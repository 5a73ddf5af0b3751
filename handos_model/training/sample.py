"""`Sample` and `Batch`: annotated images in the form the losses want."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from handos_model.hand.hand import FloatArray

PART_COUNT = 7
"""Background, palm, five fingers."""
UNKNOWN_PART = 255


@dataclass(frozen=True)
class Sample:
    """One augmented image with N hands; pixels are those of the S x S input."""

    image: npt.NDArray[np.uint8]
    """(S, S, 3) BGR."""
    boxes: FloatArray
    """(N, 4) x0, y0, x1, y1."""
    joints_2d: FloatArray
    """(N, 21, 2)"""
    is_right: npt.NDArray[np.bool_]
    """(N,)"""
    has_3d: npt.NDArray[np.bool_]
    """(N,) whether `joints_3d` and `camera` hold annotations or zeros."""
    has_mesh: npt.NDArray[np.bool_]
    """(N,) whether `vertices` do."""
    joints_3d: FloatArray
    """(N, 21, 3) metres, relative to the root joint, ray-aligned frame."""
    vertices: FloatArray
    """(N, V, 3) as `joints_3d`."""
    camera: FloatArray
    """(N, 3) root's u, v and pixels per metre at its depth."""
    part_ids: npt.NDArray[np.uint8]
    """(S/8, S/8) as in `AnnotatedImage`, or `UNKNOWN_PART`."""


@dataclass(frozen=True)
class Batch:
    """Samples padded to the same number of hands N; the fields of `Sample` with a leading B, as tensors."""

    image: Tensor
    """(B, 3, S, S) uint8 BGR."""
    is_hand: Tensor
    """(B, N) False where padded."""
    boxes: Tensor
    joints_2d: Tensor
    is_right: Tensor
    has_3d: Tensor
    has_mesh: Tensor
    joints_3d: Tensor
    vertices: Tensor
    camera: Tensor
    part_ids: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on another device; from pinned memory it is copied while the host goes on."""
        return Batch(**{field.name: getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)})

    def pin_memory(self) -> "Batch":
        """The same in memory that a GPU reads by itself; torch's `DataLoader` calls this."""
        return Batch(**{field.name: getattr(self, field.name).pin_memory() for field in fields(self)})

    def network_input(self) -> Tensor:
        """(B, 3, S, S) float BGR 0..255, with the channels of a pixel side by side, as convolutions are fastest."""
        return self.image.to(torch.float32, memory_format=torch.channels_last)

    def of_assigned(self, image_index: Tensor, hand_index: Tensor) -> "AssignedHands":
        """Pick hands (P,) by the index of their image and their index in it."""
        names = [field.name for field in fields(AssignedHands)]
        return AssignedHands(**{name: getattr(self, name)[image_index, hand_index] for name in names})


@dataclass(frozen=True)
class AssignedHands:
    """The annotations of P hands, one for each prediction that answers for a hand."""

    boxes: Tensor
    joints_2d: Tensor
    is_right: Tensor
    has_3d: Tensor
    has_mesh: Tensor
    joints_3d: Tensor
    vertices: Tensor
    camera: Tensor


def collate(samples: list[Sample]) -> Batch:
    """Stack samples, padding hands with zeros."""
    most = max(1, *(len(sample.boxes) for sample in samples))

    def padded(name: str) -> Tensor:
        arrays = [getattr(sample, name) for sample in samples]
        stacked = np.zeros((len(arrays), most, *arrays[0].shape[1:]), arrays[0].dtype)
        for row, array in zip(stacked, arrays, strict=True):
            row[: len(array)] = array
        return torch.from_numpy(stacked)

    counts = torch.tensor([len(sample.boxes) for sample in samples])
    images = torch.from_numpy(np.stack([sample.image for sample in samples]))
    return Batch(
        image=images.permute(0, 3, 1, 2),
        is_hand=torch.arange(most)[None] < counts[:, None],
        part_ids=torch.from_numpy(np.stack([sample.part_ids for sample in samples])),
        **{field.name: padded(field.name) for field in fields(AssignedHands)},
    )
