"""Training batches: views of rendered images and of photographs in fixed proportions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.image_sources import AnnotatedImages, ImageSource, KeptOnDevice, ReadWhenDrawn
from handos_model.training.sample import Batch, join_batches
from handos_model.training.views import ViewRange, draw_views


@dataclass(frozen=True)
class Mixture:
    """Draws batches from several sources."""

    sources: Sequence[tuple[ImageSource, float]]
    """Each with its share of the batch, relative to the others'."""
    batch_size: int
    views: ViewRange
    device: torch.device

    def draw(self, image_size: int, seed: Sequence[int]) -> Batch:
        """Draw views of `image_size` pixels; the same seed draws the same ones."""
        rng = np.random.default_rng(seed)
        generator = torch.Generator(self.device).manual_seed(int(rng.integers(2**63)))
        batches = []
        for (source, _), count in zip(self.sources, self._counts(rng), strict=True):
            if count:
                originals = source.take(rng.integers(len(source), size=count))
                batches.append(draw_views(originals, image_size, self.views, generator))
        return join_batches(batches)

    def _counts(self, rng: np.random.Generator) -> list[int]:
        """How many images of each source: whole numbers, chance decides on the last ones."""
        shares = np.array([share for _, share in self.sources])
        wanted = self.batch_size * shares / shares.sum()
        counts = np.floor(wanted).astype(int)
        left = self.batch_size - counts.sum()
        if left:
            odds = wanted - counts
            np.add.at(counts, rng.choice(len(counts), left, replace=False, p=odds / odds.sum()), 1)
        return counts.tolist()


def open_mixture(
    configuration: TrainingConfiguration,
    sources: Sequence[tuple[AnnotatedImages, float]],
    batch_size: int,
    vertices: int,
    device: torch.device,
) -> Mixture:
    """Read all images into the device's memory where the configuration has loaders for that."""

    def open_source(images: AnnotatedImages) -> ImageSource:
        if configuration.loaders:
            return KeptOnDevice(images, vertices, device, configuration.loaders)
        return ReadWhenDrawn(images, vertices, device)

    opened = [(open_source(images), share) for images, share in sources]
    return Mixture(opened, batch_size, configuration.views, device)
