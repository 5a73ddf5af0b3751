"""Training batches: views of images from several sources in fixed proportions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from handos_model.architecture.input_size import InputSize
from handos_model.training.batch import Batch, join_batches
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.image_sources import AnnotatedImages, DeviceCachedImages, ImageSource, OnDemandImages
from handos_model.training.mosaic import TILES, join_tiles, tile_size
from handos_model.training.views import ViewRange, sample_views


@dataclass(frozen=True)
class Mixture:
    """Draws batches from several sources."""

    sources: Sequence[tuple[ImageSource, float]]
    """Each with its weight: its fraction of the batch, up to normalisation."""
    views: ViewRange
    device: torch.device

    def draw(self, count: int, size: InputSize, seed: Sequence[int]) -> Batch:
        """Draw `count` views of a size; the same seed draws the same views."""
        rng = np.random.default_rng(seed)
        generator = torch.Generator(self.device).manual_seed(int(rng.integers(2**63)))
        batches, most_hands = [], 0
        for (source, _), of_source in zip(self.sources, self._draw_counts(count, rng), strict=True):
            # Rounded at random: of few views, the fraction would otherwise be rounded down to none.
            mosaics = int(self.views.mosaic * of_source + rng.random())
            if of_source > mosaics:
                images = source.take(rng.integers(len(source), size=of_source - mosaics))
                batches.append(sample_views(images, size, self.views, generator))
                # Shapes are captured in CUDA graphs, and must not tell whether there is a mosaic.
                most_hands = max(most_hands, images.max_hands * (TILES if self.views.mosaic else 1))
            if mosaics:
                images = source.take(rng.integers(len(source), size=TILES * mosaics))
                batches.append(join_tiles(sample_views(images, tile_size(size), self.views, generator)))
        return join_batches(batches, most_hands)

    def _draw_counts(self, count: int, rng: np.random.Generator) -> list[int]:
        """Number of images of each source: the expected number, rounded down, the rest at random."""
        weights = np.array([weight for _, weight in self.sources])
        expected = count * weights / weights.sum()
        counts = np.floor(expected).astype(int)
        remaining = count - counts.sum()
        if remaining:
            odds = expected - counts
            np.add.at(counts, rng.choice(len(counts), remaining, replace=False, p=odds / odds.sum()), 1)
        return counts.tolist()


def open_mixture(
    configuration: TrainingConfiguration,
    sources: Sequence[tuple[AnnotatedImages | DeviceCachedImages, float]],
    vertex_count: int,
    device: torch.device,
) -> Mixture:
    """Prepare weighted sources, reading all images into the device's memory if there are loader processes.

    Images that are there already stay as they are.
    """

    def open_source(images: AnnotatedImages | DeviceCachedImages) -> ImageSource:
        if isinstance(images, DeviceCachedImages):
            return images
        if configuration.loader_processes:
            return DeviceCachedImages(images, vertex_count, device, configuration.loader_processes)
        return OnDemandImages(images, vertex_count, device)

    opened = [(open_source(images), weight) for images, weight in sources]
    return Mixture(opened, configuration.views, device)
