"""Image sources: cached images equal those read on demand, and batches mix sources in proportion to their weights."""

from dataclasses import fields

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch

from handos_model.architecture.input_size import InputSize
from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.training.image_batch import ImageBatch, stack_images
from handos_model.training.image_sources import DeviceCachedImages, OnDemandImages, require_gpu_memory
from handos_model.training.mixture import Mixture
from handos_model.training.views import ViewRange

CPU = torch.device("cpu")
VERTICES = 5


def annotated(width: int, height: int, hands: int, seed: int) -> AnnotatedImage:
    rng = np.random.default_rng(seed)
    joints = [rng.uniform(10, 60, (21, 2)).astype(np.float32) for _ in range(hands)]
    return AnnotatedImage(
        rng.integers(0, 256, (height, width, 3), np.uint8),
        tuple(AnnotatedHand(box_around_joints(each, width, height), each, "left") for each in joints),
    )


IMAGES = [annotated(*shape, hands, seed) for seed, (shape, hands) in enumerate([((64, 80), 1)] * 55 + [((120, 70), 3)])]
"""More than a chunk; the last one is larger and shows more hands than all others."""


def test_cached_images_equal_those_read_on_demand() -> None:
    cached = DeviceCachedImages(IMAGES, VERTICES, CPU, loader_processes=1)
    on_demand = OnDemandImages(IMAGES, VERTICES, CPU)
    assert len(cached) == len(on_demand) == len(IMAGES)
    indices = np.array([55, 0, 54, 55, 3])
    one, other = cached.take(indices), on_demand.take(indices)
    for field in fields(ImageBatch):
        assert torch.equal(getattr(one, field.name), getattr(other, field.name)), field.name


def test_too_many_images_for_the_gpu_are_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample = stack_images(IMAGES[:1], VERTICES)
    assert sample.bytes_per_image() > 80 * 80 * 3
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (30_000_000, 80_000_000))
    require_gpu_memory(1000, sample, torch.device("cuda"))
    with pytest.raises(ValueError, match=r"2000 .*0\.0 GB .*loader_processes"):
        require_gpu_memory(2000, sample, torch.device("cuda"))


def test_batches_mix_sources_in_proportion_to_their_weights() -> None:
    grey, white = ([AnnotatedImage(np.full((64, 64, 3), value, np.uint8), ())] * 3 for value in (20, 235))
    sources = [(OnDemandImages(images, VERTICES, CPU), weight) for images, weight in ((grey, 0.75), (white, 0.25))]
    mixture = Mixture(sources, ViewRange(smallest_image=2.0), CPU)
    light = []
    for step in range(12):
        batch = mixture.draw(6, InputSize(64, 64), (0, step))
        assert len(batch.image) == 6
        light.append(int((batch.image.float().mean(dim=(1, 2, 3)) > 128).sum()))
    assert set(light) == {1, 2}
    assert 12 <= sum(light) <= 24


def test_the_same_seed_draws_the_same_batch_and_another_seed_another() -> None:
    mixture = Mixture([(OnDemandImages(IMAGES, VERTICES, CPU), 1.0)], ViewRange(), CPU)
    first, again, other = (mixture.draw(4, InputSize(64, 64), (1, seed)).image for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
