"""Where the images of a batch come from: from their files at every step, or from the memory of the device."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from handos_model.io.annotations import AnnotatedImage
from handos_model.training.originals import Originals, stack_images

_READ_AT_ONCE = 50
"""Images that a process reads before it hands them over."""


class AnnotatedImages(Protocol):
    """Random access to annotated images."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> AnnotatedImage: ...


class ImageSource(Protocol):
    """Images on the device that trains."""

    def __len__(self) -> int: ...

    def take(self, indices: npt.NDArray[np.int64]) -> Originals:
        """The images with these numbers."""
        ...


@dataclass(frozen=True)
class ReadWhenDrawn:
    """Reads an image whenever it is wanted: what the images of a step cost is little beside a step on CPUs."""

    images: AnnotatedImages
    vertices: int
    device: torch.device

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: npt.NDArray[np.int64]) -> Originals:
        """The images with these numbers."""
        return stack_images([self.images[int(index)] for index in indices], self.vertices).to(self.device)


class KeptOnDevice:
    """All images, read once: a GPU sees the same image again sooner than cores could decode it.

    Parameters
    ----------
    images
        Decoded they take three bytes and a quarter per pixel, as squares of the largest image's side.
    vertices
        Of the topology.
    device
        What keeps them.
    loaders
        Processes that read.
    """

    def __init__(self, images: AnnotatedImages, vertices: int, device: torch.device, loaders: int) -> None:
        self._kept: Originals | None = None
        self._count = len(images)
        chunks = DataLoader(
            _Chunks(images, vertices),
            batch_size=None,
            num_workers=loaders,
            # A fork of a process whose libraries have threads waits for locks that nobody holds any more.
            multiprocessing_context="spawn",
            worker_init_fn=_use_one_thread,
            pin_memory=device.type == "cuda",
        )
        for number, chunk in enumerate(tqdm(chunks, desc="images", unit_scale=_READ_AT_ONCE, mininterval=5)):
            self._keep(number * _READ_AT_ONCE, chunk.to(device))

    def __len__(self) -> int:
        return self._count

    def take(self, indices: npt.NDArray[np.int64]) -> Originals:
        """The images with these numbers."""
        assert self._kept is not None
        chosen = torch.from_numpy(indices).to(self._kept.size.device, non_blocking=True)
        return self._kept.map(lambda values: values[chosen])

    def _keep(self, first: int, chunk: Originals) -> None:
        if self._kept is None:
            check_room(self._count, chunk, device=chunk.size.device)
            self._kept = chunk.map(lambda values: values.new_zeros((self._count, *values.shape[1:])))
        side = max(self._kept.image.shape[1], chunk.image.shape[1])
        hands = max(self._kept.most_hands, chunk.most_hands)
        self._kept = self._kept.with_room(side, hands)
        self._kept.copy_rows(first, chunk.with_room(side, hands))


def check_room(count: int, like: Originals, device: torch.device) -> None:
    """Complain before half of the images are read, as far as the first ones tell.

    Raises
    ------
    ValueError
        If a GPU has no room for `count` images like these.
    """
    if device.type != "cuda":
        return
    needed = count * like.bytes_per_image()
    free = torch.cuda.mem_get_info(device)[0]
    if needed > free:
        raise ValueError(
            f"{count} training images need {needed / 1e9:.1f} GB of the GPU's memory, {free / 1e9:.1f} GB are free: "
            "name fewer, or set loaders to 0 in the training configuration, and every step reads its own"
        )


@dataclass(frozen=True)
class _Chunks(Dataset[Originals]):
    images: AnnotatedImages
    vertices: int

    def __len__(self) -> int:
        return -(-len(self.images) // _READ_AT_ONCE)

    def __getitem__(self, number: int) -> Originals:
        numbers = range(number * _READ_AT_ONCE, min((number + 1) * _READ_AT_ONCE, len(self.images)))
        return stack_images([self.images[k] for k in numbers], self.vertices)


def _use_one_thread(_loader: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
