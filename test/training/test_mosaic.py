"""Mosaics: every hand of the four views is where it is seen."""

from dataclasses import fields

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch
from drawn_hands import drawn_hands

from handos_model.architecture.input_size import InputSize
from handos_model.training.batch import Batch
from handos_model.training.image_batch import stack_images
from handos_model.training.image_sources import OnDemandImages
from handos_model.training.mixture import Mixture
from handos_model.training.mosaic import TILES, join_tiles, tile_size
from handos_model.training.views import ViewRange, sample_views

SIZE = InputSize(96, 128)
CPU = torch.device("cpu")


def tiles(count: int = TILES) -> Batch:
    images = stack_images([drawn_hands()[k % 4] for k in range(count)], 778)
    return sample_views(images, tile_size(SIZE), ViewRange(), torch.Generator().manual_seed(0))


def test_images_and_labels_move_to_their_place() -> None:
    parts = tiles(2 * TILES)
    joined = join_tiles(parts)
    assert joined.image.shape == (2, 3, 96, 128)
    assert joined.part_ids.shape == (2, 12, 16)
    for number in range(2 * TILES):
        mosaic, tile = divmod(number, TILES)
        left, top = tile % 2 * 64, tile // 2 * 48
        assert torch.equal(joined.image[mosaic, :, top : top + 48, left : left + 64], parts.image[number])
        assert torch.equal(
            joined.joints_2d[mosaic, tile], parts.joints_2d[number, 0] + torch.tensor([float(left), float(top)])
        )
        corner = torch.tensor([float(left), float(top)])
        assert torch.equal(joined.boxes[mosaic, tile], parts.boxes[number, 0] + corner.repeat(2))
        assert torch.equal(joined.camera[mosaic, tile, :2], parts.camera[number, 0, :2] + corner)
        assert torch.equal(joined.vertices[mosaic, tile], parts.vertices[number, 0])


def test_a_mosaic_is_complete_if_all_of_its_views_are() -> None:
    parts = tiles(2 * TILES)
    parts.is_complete[5] = False
    assert join_tiles(parts).is_complete.tolist() == [True, False]


@pytest.mark.parametrize("mosaic", [0.0, 0.5, 1.0])
def test_batches_keep_their_size(mosaic: float) -> None:
    mixture = Mixture([(OnDemandImages(drawn_hands(), 778, torch.device("cpu")), 1.0)], ViewRange(mosaic=mosaic), CPU)
    batch = mixture.draw(4, SIZE, (0, 0))
    assert {len(getattr(batch, field.name)) for field in fields(Batch)} == {4}
    assert batch.image.shape == (4, 3, 96, 128)
    assert batch.is_hand.shape[1] == (TILES if mosaic else 1)


def test_small_batches_have_mosaics_as_often_as_large_ones() -> None:
    mixture = Mixture([(OnDemandImages(drawn_hands(), 778, CPU), 1.0)], ViewRange(mosaic=0.25), CPU)
    batches = [mixture.draw(1, InputSize(64, 64), (0, step)) for step in range(80)]
    assert {batch.is_hand.shape for batch in batches} == {(1, TILES)}
    assert 10 <= sum(int(batch.is_hand.sum()) > 1 for batch in batches) <= 30
