"""Where the images of a batch come from: read from files at every step, or cached in the device's memory."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from handos_model.datasets.annotations import AnnotatedImage
from handos_model.training.image_batch import ImageBatch, stack_images

_CHUNK_SIZE = 50
"""Images that a loader process reads before it passes them on."""


class AnnotatedImages(Protocol):
    """Random access to annotated images."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> AnnotatedImage: ...


class ImageSource(Protocol):
    """Images on the training device."""

    def __len__(self) -> int: ...

    def take(self, indices: npt.NDArray[np.int64]) -> ImageBatch:
        """The images with these indices."""
        ...


@dataclass(frozen=True)
class OnDemandImages:
    """Reads images whenever they are needed: cheap compared with a training step on a CPU."""

    images: AnnotatedImages
    vertex_count: int
    device: torch.device

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: npt.NDArray[np.int64]) -> ImageBatch:
        """The images with these indices."""
        return stack_images([self.images[int(index)] for index in indices], self.vertex_count).to(self.device)


class DeviceCachedImages:
    """All images, read once and cached on the device: a GPU trains faster than CPU cores can decode images.

    Parameters
    ----------
    images
        Decoded they take 3.25 bytes per pixel, each as a square with the side of the largest image.
    vertex_count
        Of the topology.
    device
        Holds the cache.
    loader_processes
        Number of processes that read the images.
    """

    def __init__(self, images: AnnotatedImages, vertex_count: int, device: torch.device, loader_processes: int) -> None:
        self._cache: ImageBatch | None = None
        self._count = len(images)
        chunks = DataLoader(
            _Chunks(images, vertex_count),
            batch_size=None,
            num_workers=loader_processes,
            # A forked process can deadlock on locks that threads of its parent held.
            multiprocessing_context="spawn",
            worker_init_fn=_use_one_thread,
            pin_memory=device.type == "cuda",
        )
        for number, chunk in enumerate(tqdm(chunks, desc="images", unit_scale=_CHUNK_SIZE, mininterval=5)):
            self._store(number * _CHUNK_SIZE, chunk.to(device))

    def __len__(self) -> int:
        return self._count

    def take(self, indices: npt.NDArray[np.int64]) -> ImageBatch:
        """The images with these indices."""
        assert self._cache is not None
        chosen = torch.from_numpy(indices).to(self._cache.size.device, non_blocking=True)
        return self._cache.map(lambda values: values[chosen])

    def _store(self, first: int, chunk: ImageBatch) -> None:
        if self._cache is None:
            require_gpu_memory(self._count, chunk, device=chunk.size.device)
            self._cache = chunk.map(lambda values: values.new_zeros((self._count, *values.shape[1:])))
        side = max(self._cache.image.shape[1], chunk.image.shape[1])
        hands = max(self._cache.max_hands, chunk.max_hands)
        self._cache = self._cache.pad_to(side, hands)
        self._cache.copy_rows(first, chunk.pad_to(side, hands))


def require_gpu_memory(count: int, sample: ImageBatch, device: torch.device) -> None:
    """Fail early if the images will not fit, judging by the first of them.

    Raises
    ------
    ValueError
        If a GPU lacks the memory for `count` images like those of `sample`.
    """
    if device.type != "cuda":
        return
    needed = count * sample.bytes_per_image()
    free = torch.cuda.mem_get_info(device)[0]
    if needed > free:
        raise ValueError(
            f"{count} training images need {needed / 1e9:.1f} GB of GPU memory, {free / 1e9:.1f} GB are free: use "
            "fewer images, or set loader_processes to 0 in the training configuration to read images at every step"
        )


@dataclass(frozen=True)
class _Chunks(Dataset[ImageBatch]):
    images: AnnotatedImages
    vertex_count: int

    def __len__(self) -> int:
        return -(-len(self.images) // _CHUNK_SIZE)

    def __getitem__(self, number: int) -> ImageBatch:
        indices = range(number * _CHUNK_SIZE, min((number + 1) * _CHUNK_SIZE, len(self.images)))
        return stack_images([self.images[index] for index in indices], self.vertex_count)


def _use_one_thread(_loader: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
