"""Training batches: views of images from several sources in fixed proportions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from handos_model.training.batch import Batch, join_batches
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.image_sources import AnnotatedImages, DeviceCachedImages, ImageSource, OnDemandImages
from handos_model.training.views import ViewRange, sample_views


@dataclass(frozen=True)
class Mixture:
    """Draws batches from several sources."""

    sources: Sequence[tuple[ImageSource, float]]
    """Each with its weight: its fraction of the batch, up to normalisation."""
    batch_size: int
    views: ViewRange
    device: torch.device

    def draw(self, image_size: int, seed: Sequence[int]) -> Batch:
        """Draw views of `image_size` pixels; the same seed draws the same views."""
        rng = np.random.default_rng(seed)
        generator = torch.Generator(self.device).manual_seed(int(rng.integers(2**63)))
        batches = []
        for (source, _), count in zip(self.sources, self._draw_counts(rng), strict=True):
            if count:
                images = source.take(rng.integers(len(source), size=count))
                batches.append(sample_views(images, image_size, self.views, generator))
        return join_batches(batches)

    def _draw_counts(self, rng: np.random.Generator) -> list[int]:
        """Number of images of each source: the expected number, rounded down, the rest at random."""
        weights = np.array([weight for _, weight in self.sources])
        expected = self.batch_size * weights / weights.sum()
        counts = np.floor(expected).astype(int)
        remaining = self.batch_size - counts.sum()
        if remaining:
            odds = expected - counts
            np.add.at(counts, rng.choice(len(counts), remaining, replace=False, p=odds / odds.sum()), 1)
        return counts.tolist()


def open_mixture(
    configuration: TrainingConfiguration,
    sources: Sequence[tuple[AnnotatedImages, float]],
    batch_size: int,
    vertex_count: int,
    device: torch.device,
) -> Mixture:
    """Prepare weighted sources, reading all images into the device's memory if there are loader processes."""

    def open_source(images: AnnotatedImages) -> ImageSource:
        if configuration.loader_processes:
            return DeviceCachedImages(images, vertex_count, device, configuration.loader_processes)
        return OnDemandImages(images, vertex_count, device)

    opened = [(open_source(images), weight) for images, weight in sources]
    return Mixture(opened, batch_size, configuration.views, device)
