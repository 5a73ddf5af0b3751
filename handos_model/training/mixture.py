"""Training batches drawn from rendered images and photographs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from handos_model.io.annotations import AnnotatedImage
from handos_model.training.augmentation import ViewRange, augment
from handos_model.training.sample import Batch, collate


class AnnotatedImages(Protocol):
    """Random access to annotated images."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> AnnotatedImage: ...


def draw_batch(
    sources: Sequence[tuple[AnnotatedImages, float]],
    batch_size: int,
    vertices: int,
    views: ViewRange,
    image_size: int,
    rng: np.random.Generator,
) -> Batch:
    """Draw `batch_size` random views; `sources` are (images, share of the batch)."""
    shares = np.array([share for _, share in sources])
    chosen = rng.choice(len(sources), batch_size, p=shares / shares.sum())
    samples = []
    for source in chosen:
        images = sources[source][0]
        samples.append(augment(images[int(rng.integers(len(images)))], image_size, vertices, views, rng))
    return collate(samples)
