"""Preset `edge` overfits 16 rendered images: five minutes on one core, run with `-m slow`."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("numba", reason="rendering needs the train extra")
import torch

from handos_model.architecture.box_ops import box_cxcywh_to_xyxy
from handos_model.architecture.handos import HandOS
from handos_model.architecture.input_size import InputSize
from handos_model.architecture.presets import EDGE
from handos_model.hand.topology import HandTopology
from handos_model.synthesis.renderer import SceneRenderer
from handos_model.training.batch import Batch, join_batches
from handos_model.training.decoder_losses import DecoderLosses
from handos_model.training.detector_stage import SupervisedDetector
from handos_model.training.image_batch import stack_images
from handos_model.training.matcher import match_predictions
from handos_model.training.views import ViewRange, sample_views

TOPOLOGY = HandTopology.load()
IMAGES, SIZE = 16, 128
DETECTOR_STEPS, DECODER_STEPS = 120, 300


def fixed_views(assets_folder: Path) -> Batch:
    """Views of rendered frames, the first 16 that show exactly one hand; the same at every step."""
    renderer = SceneRenderer(assets_folder, None, 256)
    batches, frame = [], 0
    while len(batches) < IMAGES:
        views = ViewRange(smallest_hand=0.5, blank=0)
        images = stack_images([renderer.render(0, frame)], TOPOLOGY.vertex_count)
        batch = sample_views(images, InputSize(SIZE, SIZE), views, torch.Generator().manual_seed(frame))
        batches += [batch] if batch.is_hand.sum() == 1 else []
        frame += 1
    return join_batches(batches)


def take_step(
    module: torch.nn.Module, step: int, steps: int, optimizer: torch.optim.Optimizer, loss: torch.Tensor
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = 1.5e-3 * min(1.0, (step + 1) / 20, 2.5 * (steps - step) / steps)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(module.parameters(), 2.0)
    optimizer.step()


def train_detector(batch: Batch) -> SupervisedDetector:
    module = SupervisedDetector(EDGE).train()
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=0)
    for step in range(DETECTOR_STEPS):
        take_step(module, step, DETECTOR_STEPS, optimizer, torch.stack(list(module.losses(batch).values())).sum())
    # Running statistics are averages over many batches; here they have to be those of the only one.
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
            layer.reset_running_stats()
    with torch.no_grad():
        module.losses(batch)
    return module


@pytest.mark.slow
def test_the_model_overfits_sixteen_rendered_images(assets_folder: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # two would wait for each other on a busy machine
    torch.set_flush_denormal(True)
    batch = fixed_views(assets_folder)
    model = HandOS(EDGE, TOPOLOGY, train_detector(batch).detector).train()
    output = model.detect(batch.image)
    matches = match_predictions(output.logits, box_cxcywh_to_xyxy(output.boxes), batch.boxes / SIZE, batch.is_hand)
    hands_per_image = batch.is_hand.shape[1]
    # The best query of every hand; padded hands get an arbitrary query and no loss.
    candidates = matches[:, None] == torch.arange(hands_per_image)[:, None]
    queries = (output.logits[:, None].masked_fill(~candidates, -torch.inf)).argmax(dim=-1)
    matched = (batch.is_hand & candidates.any(dim=-1)).flatten()
    assert matched.sum() == batch.is_hand.sum(), "every hand must be matched"
    image_index, hand_index = torch.meshgrid(torch.arange(IMAGES), torch.arange(hands_per_image), indexing="ij")
    hands = batch.select_hands(image_index.flatten(), hand_index.flatten())

    losses = DecoderLosses(TOPOLOGY)
    trained = [*model.side_network.parameters(), *model.decoder.parameters()]
    optimizer = torch.optim.AdamW(trained, weight_decay=0)
    for step in range(DECODER_STEPS):
        decoded = model.decode(output, model.encode_memory(output), queries)
        loss = torch.stack(list(losses(decoded, hands, SIZE, matched).values())).sum()
        take_step(model, step, DECODER_STEPS, optimizer, loss)

    with torch.no_grad():
        prediction = model.eval().decode(output, model.encode_memory(output), queries).hand_layers[-1]
    vertices = 1000 * float((prediction.vertices - hands.vertices).norm(dim=-1)[matched & hands.has_3d].mean())
    joints = float((SIZE * prediction.joints_2d - hands.joints_2d).norm(dim=-1)[matched].mean())
    print(f"{int(matched.sum())} hands: vertices {vertices:.2f} mm, joints {joints:.2f} px")
    assert vertices < 3
    assert joints < 1
