"""Losses of both stages with padding and with views without hands."""

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch

from handos_model.architecture.presets import EDGE
from handos_model.hand.topology import HandTopology
from handos_model.training.batch import Batch
from handos_model.training.decoder_stage import SupervisedDecoder
from handos_model.training.detector_stage import SupervisedDetector

TOPOLOGY = HandTopology.load()
SIZE = 96


def views_with(hands: int, padding: int) -> Batch:
    """Two views of noise; the first has hands at random positions, none annotated in 3D."""
    random = torch.Generator().manual_seed(0)
    joints = torch.zeros(2, hands + padding, 21, 2)
    joints[0, :hands] = SIZE * torch.rand(hands, 21, 2, generator=random)
    is_hand = torch.zeros(joints.shape[:2], dtype=torch.bool)
    is_hand[0, :hands] = True
    return Batch(
        image=torch.randint(0, 256, (2, 3, SIZE, SIZE), dtype=torch.uint8, generator=random),
        part_ids=torch.zeros(2, SIZE // 8, SIZE // 8, dtype=torch.uint8),
        is_complete=torch.ones(2, dtype=torch.bool),
        is_hand=is_hand,
        has_joints=is_hand,
        boxes=torch.cat([joints.amin(dim=2), joints.amax(dim=2)], dim=-1),
        joints_2d=joints,
        is_right=is_hand,
        has_3d=torch.zeros_like(is_hand),
        has_mesh=torch.zeros_like(is_hand),
        joints_3d=torch.zeros(*is_hand.shape, 21, 3),
        vertices=torch.zeros(*is_hand.shape, TOPOLOGY.vertex_count, 3),
        camera=torch.zeros(*is_hand.shape, 3),
    )


def losses_and_gradients(stage: str, batch: Batch) -> tuple[dict[str, float], list[torch.Tensor]]:
    """Of a stage with random weights."""
    torch.manual_seed(0)
    detector = SupervisedDetector(EDGE)
    module = detector if stage == "detector" else SupervisedDecoder(EDGE, TOPOLOGY, detector.detector, 5)
    losses = module.train().losses(batch)
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    return {name: float(loss.detach()) for name, loss in losses.items()}, gradients


@pytest.mark.parametrize("stage", ["detector", "decoder"])
def test_padding_changes_no_loss(stage: str) -> None:
    losses, _ = losses_and_gradients(stage, views_with(hands=2, padding=0))
    padded, gradients = losses_and_gradients(stage, views_with(hands=2, padding=3))
    assert padded == pytest.approx(losses, rel=1e-5)
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize(
    ("stage", "nonzero"), [("detector", {"score", "heatmaps", "parts"}), ("decoder", {"heatmaps", "parts"})]
)
def test_views_without_hands_have_background_losses_only(stage: str, nonzero: set[str]) -> None:
    losses, gradients = losses_and_gradients(stage, views_with(hands=0, padding=1))
    assert {name for name, loss in losses.items() if loss != 0} == nonzero
    assert losses.keys() == losses_and_gradients(stage, views_with(hands=1, padding=0))[0].keys()
    assert all(gradient.isfinite().all() for gradient in gradients)
