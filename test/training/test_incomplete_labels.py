"""Hands with boxes only, and images in which hands may be missing: what is learnt from them, and what is not."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch

from handos_model.architecture.input_size import InputSize
from handos_model.architecture.presets import EDGE
from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.training.batch import UNKNOWN_PART, Batch, join_batches
from handos_model.training.dense_supervision import DenseSupervision
from handos_model.training.detector_losses import _is_background
from handos_model.training.detector_stage import SupervisedDetector
from handos_model.training.image_batch import stack_images
from handos_model.training.views import ViewRange, sample_views

VERTICES = 778
SIZE = InputSize(96, 128)
BOX = np.array([40, 30, 60, 60], np.float32)


def photograph(*boxes: np.ndarray, complete: bool) -> AnnotatedImage:
    rng = np.random.default_rng(0)
    hands = tuple(
        AnnotatedHand(box, np.tile((box[:2] + box[2:]) / 2, (21, 1)), "right", annotated_joints=np.zeros(21, np.bool_))
        for box in boxes
    )
    return AnnotatedImage(rng.integers(0, 255, (96, 128, 3), np.uint8), hands, is_complete=complete)


def view(image: AnnotatedImage, **options: float) -> Batch:
    views = ViewRange(**({"rotation": 0, "any_rotation": 0, "blank": 0} | options))  # type: ignore[arg-type]
    return sample_views(stack_images([image], VERTICES), SIZE, views, torch.Generator().manual_seed(3))


def test_a_box_without_joints_is_transformed_with_its_image() -> None:
    batch = view(photograph(BOX, complete=True), smallest_hand=0.5, largest_hand=0.5)
    assert batch.is_hand.all()
    assert not batch.has_joints.any()
    left, top, right, bottom = batch.boxes[0, 0].tolist()
    assert (bottom - top) / (right - left) == pytest.approx(1.5, rel=0.01)
    # Half of the view's shorter side.
    assert bottom - top == pytest.approx(48, rel=0.01)


def test_small_hands_are_not_enlarged_beyond_the_limit() -> None:
    batch = view(photograph(BOX, complete=True), smallest_hand=0.9, largest_hand=0.9, largest_scale=1.5)
    _, top, _, bottom = batch.boxes[0, 0].tolist()
    assert bottom - top == pytest.approx(45, rel=0.01)


def test_nothing_is_background_in_an_incomplete_image_but_duplicates() -> None:
    complete = view(photograph(BOX, complete=True))
    incomplete = view(photograph(BOX, complete=False))
    corners = (incomplete.boxes / incomplete.longer_side)[0, 0]
    predictions = torch.stack([corners + 0.01, torch.tensor([0.9, 0.7, 0.99, 0.74])])[None]
    hands = incomplete.boxes / incomplete.longer_side
    assert _is_background(predictions, hands, incomplete).tolist() == [[True, False]]
    assert _is_background(predictions, hands, complete).tolist() == [[True, True]]


@pytest.mark.parametrize("complete", [True, False])
def test_an_unlabelled_image_is_background_only_if_it_is_complete(complete: bool) -> None:
    torch.manual_seed(0)
    module = SupervisedDetector(EDGE).train()
    losses = module.losses(view(photograph(complete=complete)))
    learnt = {name for name, loss in losses.items() if float(loss.detach()) > 0}
    assert learnt == ({"score", "heatmaps", "parts"} if complete else set())


def test_heatmaps_learn_nothing_inside_a_hand_without_joints() -> None:
    batch = view(photograph(BOX, complete=True), smallest_hand=0.5, largest_hand=0.5)
    torch.manual_seed(0)
    module = SupervisedDetector(EDGE).eval()
    output = module.detector(batch.network_input())
    memory = module.side_network(output.shallow_features, output.encoder_features)
    logits = memory.joint_heatmaps.detach().requires_grad_()
    DenseSupervision(EDGE.width)(replace(memory, joint_heatmaps=logits), batch)["heatmaps"].backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    rows, columns = logits.shape[-2:]
    x, y = ((batch.boxes[0, 0, :2] + batch.boxes[0, 0, 2:]) / 2 / 128 * columns).long().tolist()
    learnt = logits.grad[0].abs().amax(dim=0)
    assert learnt[y, x] == 0
    assert learnt[rows - 1, 0] > 0


def test_incomplete_images_have_no_part_ids_and_are_no_padding() -> None:
    batch = stack_images([photograph(complete=False), photograph(complete=True)], VERTICES)
    assert (batch.part_ids[0, :40, :40] == UNKNOWN_PART).all()
    assert (batch.part_ids[1, :40, :40] == 0).all()


def test_box_losses_are_finite_for_a_mixture() -> None:
    batch = join_batches([view(photograph(BOX, complete=False)), view(photograph(complete=True))])
    torch.manual_seed(0)
    losses = SupervisedDetector(EDGE).train().losses(batch)
    assert all(loss.isfinite() for loss in losses.values())
    assert float(losses["query_joints"].detach()) == 0
    assert float(losses["giou"].detach()) > 0
