"""The batches of a stage, step by step; ahead of time where there are processes for it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from handos_model.training.configuration import StageConfiguration
from handos_model.training.sample import Batch

DrawBatch = Callable[[int, np.random.Generator], Batch]
"""From the side of the images in pixels and a source of randomness."""


@dataclass(frozen=True)
class _Steps(Dataset[Batch]):
    """Every step's batch has a source of randomness of its own, so it does not matter who draws it, and when."""

    draw_batch: DrawBatch
    stage: StageConfiguration
    seed: tuple[int, int]
    first: int

    def __len__(self) -> int:
        return self.stage.steps - self.first

    def __getitem__(self, index: int) -> Batch:
        step = self.first + index
        return self.draw_batch(self.stage.image_size_at(step), np.random.default_rng([*self.seed, step]))


def draw_steps(
    draw_batch: DrawBatch, stage: StageConfiguration, seed: tuple[int, int], first: int, loaders: int
) -> Iterable[Batch]:
    """Draw the batches from step `first` to the stage's last one.

    Parameters
    ----------
    draw_batch, stage
        What is drawn.
    seed
        The run's, and the number of the process that trains.
    first
        The step to go on from.
    loaders
        Processes that draw ahead; 0: each batch is drawn when it is asked for.
    """
    return DataLoader(
        _Steps(draw_batch, stage, seed, first),
        batch_size=None,
        num_workers=loaders,
        # A fork of a process whose libraries have threads waits for locks that nobody holds any more.
        multiprocessing_context="spawn" if loaders else None,
        worker_init_fn=_use_one_thread,
        pin_memory=loaders > 0 and torch.cuda.is_available(),
    )


def _use_one_thread(_loader: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
