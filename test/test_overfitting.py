"""The model of preset `edge` learns 16 rendered images by heart: five minutes of one core, run with `-m slow`."""

import os
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("numba", reason="rendering needs the train extra")
import torch

from handos_model.architecture.boxes import to_corners
from handos_model.architecture.handos import HandOS
from handos_model.architecture.presets import EDGE
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.renderer import SceneRenderer
from handos_model.training.assignment import assign_predictions
from handos_model.training.decoder_losses import DecoderLosses
from handos_model.training.detector_stage import SupervisedDetector
from handos_model.training.originals import stack_images
from handos_model.training.sample import Batch, join_batches
from handos_model.training.views import ViewRange, draw_views

ASSETS = Path(os.environ.get("HANDOS_ASSETS", "assets"))
TOPOLOGY = HandTopology.load()
IMAGES, SIZE = 16, 128
DETECTOR_STEPS, DECODER_STEPS = 120, 300


def fixed_views() -> Batch:
    """One view of each of the first 16 rendered frames that show one hand in it; the same views at every step."""
    renderer = SceneRenderer(ASSETS, None, 256)
    batches, frame = [], 0
    while len(batches) < IMAGES:
        views = ViewRange(smallest_hand=0.5, blank=0)
        originals = stack_images([renderer.render(0, frame)], TOPOLOGY.vertex_count)
        batch = draw_views(originals, SIZE, views, torch.Generator().manual_seed(frame))
        batches += [batch] if batch.is_hand.sum() == 1 else []
        frame += 1
    return join_batches(batches)


def descend(
    module: torch.nn.Module, step: int, steps: int, optimizer: torch.optim.Optimizer, loss: torch.Tensor
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = 1.5e-3 * min(1.0, (step + 1) / 20, 2.5 * (steps - step) / steps)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(module.parameters(), 2.0)
    optimizer.step()


def learnt_detector(batch: Batch) -> SupervisedDetector:
    module = SupervisedDetector(EDGE).train()
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=0)
    for step in range(DETECTOR_STEPS):
        descend(module, step, DETECTOR_STEPS, optimizer, torch.stack(list(module.losses(batch).values())).sum())
    # The statistics of normalisation are averages over many batches, and these images are the only batch.
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
            layer.reset_running_stats()
    with torch.no_grad():
        module.losses(batch)
    return module


@pytest.mark.slow
@pytest.mark.skipif(not (ASSETS / "hand_cc0").is_dir(), reason="set HANDOS_ASSETS to the folder with hand_cc0")
def test_sixteen_rendered_images_are_learnt_by_heart() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # on a busy machine two wait for each other most of the time
    torch.set_flush_denormal(True)
    batch = fixed_views()
    model = HandOS(EDGE, TOPOLOGY, learnt_detector(batch).detector).train()
    found = model.detect(batch.image)
    assigned = assign_predictions(found.logits, to_corners(found.boxes), batch.boxes / SIZE, batch.is_hand)
    hands_per_image = batch.is_hand.shape[1]
    # The best query of every hand; padded hands take any query and are left out of the losses.
    claims = assigned[:, None] == torch.arange(hands_per_image)[:, None]
    queries = (found.logits[:, None].masked_fill(~claims, -torch.inf)).argmax(dim=-1)
    answers = (batch.is_hand & claims.any(dim=-1)).flatten()
    assert answers.sum() == batch.is_hand.sum(), "every hand must be found"
    image_index, hand_index = torch.meshgrid(torch.arange(IMAGES), torch.arange(hands_per_image), indexing="ij")
    hands = batch.of_assigned(image_index.flatten(), hand_index.flatten())

    losses = DecoderLosses(TOPOLOGY)
    trained = [*model.side_network.parameters(), *model.decoder.parameters()]
    optimizer = torch.optim.AdamW(trained, weight_decay=0)
    for step in range(DECODER_STEPS):
        layers = model.decode(found, model.remember(found), queries)
        loss = torch.stack(list(losses(layers, hands, SIZE, answers).values())).sum()
        descend(model, step, DECODER_STEPS, optimizer, loss)

    with torch.no_grad():
        answer = model.eval().decode(found, model.remember(found), queries)[-1]
    assert answer.vertices is not None
    vertices = 1000 * float((answer.vertices - hands.vertices).norm(dim=-1)[answers & hands.has_3d].mean())
    joints = float((SIZE * answer.joints_2d - hands.joints_2d).norm(dim=-1)[answers].mean())
    print(f"{int(answers.sum())} hands: vertices {vertices:.2f} mm, joints {joints:.2f} px")
    assert vertices < 3
    assert joints < 1
