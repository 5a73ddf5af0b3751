"""Training on from weights that have come to rest: what stays as it is."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch
from drawn_hands import SIZE, drawn_hands
from torch import nn

from handos_model.architecture.efficientnet_lite import EfficientNetLite
from handos_model.architecture.handos import build_detector
from handos_model.architecture.input_size import InputSize
from handos_model.architecture.presets import EDGE
from handos_model.datasets.annotations import AnnotatedImage, hand_without_joints
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.training.batch import Batch
from handos_model.training.decoder_stage import SupervisedDecoder
from handos_model.training.detector_stage import SupervisedDetector, load_supervised_detector
from handos_model.training.image_batch import stack_images
from handos_model.training.loop import SupervisedModule
from handos_model.training.views import ViewRange, sample_views

TOPOLOGY = HandTopology.load()
SHIPPED = DEFAULT_WEIGHTS.with_suffix(".safetensors")
TRAINING_ONLY = ("supervision.query_joints", "dense_supervision.parts")


def batch_of(images: list[AnnotatedImage]) -> Batch:
    size, generator = InputSize(SIZE, SIZE), torch.Generator().manual_seed(0)
    return sample_views(stack_images(images, TOPOLOGY.vertex_count), size, ViewRange(), generator)


def without_gradient(module: SupervisedModule, batch: Batch) -> set[str]:
    """Names of the trained weights that a step does not reach."""
    torch.stack(list(module.losses(batch).values())).sum().backward()  # type: ignore[no-untyped-call]
    trained = {name: weight.grad for name, weight in module.named_parameters() if weight.requires_grad}
    return {name for name, gradient in trained.items() if gradient is None or not gradient.any()}


def test_heads_that_only_training_has_do_not_disturb_the_detector() -> None:
    torch.manual_seed(0)
    module = SupervisedDetector(EDGE, gentle=True)
    module.train()
    assert set(module.losses(batch_of(drawn_hands()))) == {"score", "box", "giou", "heatmaps"}
    untouched = without_gradient(module, batch_of(drawn_hands()))
    assert all(any(name.startswith(head) for name in untouched) for head in TRAINING_ONLY)
    # The class heads of the first two of three layers.
    assert sum("class_embed" in name and name.endswith("weight") for name in untouched) >= 2


def test_mesh_heads_of_all_layers_but_the_last_do_not_disturb_the_decoder() -> None:
    torch.manual_seed(0)
    module = SupervisedDecoder(EDGE, TOPOLOGY, build_detector(EDGE), 2, gentle=True)
    module.train()
    untouched = without_gradient(module, batch_of(drawn_hands()))
    heads = [f"model.decoder.{kind}.{layer}." for kind in ("vertex_heads", "camera_heads") for layer in (0, 1)]
    reached = [not any(name.startswith(head) for name in untouched) for head in heads]
    assert reached == [False, True, False, True]


@pytest.mark.parametrize("gentle", [True, False])
@torch.no_grad()
def test_batch_statistics_stay(gentle: bool) -> None:
    torch.manual_seed(0)
    module = SupervisedDetector(EDGE, gentle=gentle)
    module.train()
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms if norm.running_mean is not None]
    module.losses(batch_of(drawn_hands()))
    module.draw_samples(batch_of(drawn_hands()))
    module.losses(batch_of(drawn_hands()))
    changed = [not norm.running_mean.equal(value) for norm, value in zip(norms, before, strict=True)]  # type: ignore[union-attr]
    assert any(changed) != gentle


def test_the_decoder_learns_nothing_from_a_hand_with_a_box_only() -> None:
    torch.manual_seed(0)
    module = SupervisedDecoder(EDGE, TOPOLOGY, build_detector(EDGE), 2)
    module.train()
    box = np.array([20, 20, 90, 90], np.float32)
    images = [AnnotatedImage(image.image, (hand_without_joints(box),)) for image in drawn_hands()]
    losses = module.losses(batch_of(images))
    assert {name for name, loss in losses.items() if float(loss.detach()) != 0} <= {"heatmaps", "parts"}
    losses = module.losses(batch_of(drawn_hands()))
    assert float(losses["joints_2d"].detach()) > 0


def kernels_of(module: SupervisedDetector) -> list[nn.Conv2d]:
    parts = module.detector.backbone.network.stages[2:].modules()
    return [part for part in parts if isinstance(part, nn.Conv2d) and part.groups > 1]


@pytest.mark.parametrize("gentle", [True, False])
def test_depthwise_kernels_stay(gentle: bool) -> None:
    module = load_supervised_detector(EDGE, SHIPPED, gentle)
    module.freeze_pretrained()
    assert {kernel.weight.requires_grad for kernel in kernels_of(module)} == {not gentle}


def test_in_bf16_a_cpu_computes_nearly_the_same_gradients() -> None:
    gradients = []
    for bf16 in (False, True):
        torch.manual_seed(0)
        module = load_supervised_detector(EDGE, SHIPPED, gentle=True)
        module.freeze_pretrained()
        if bf16:
            module.detector.compute_in_bf16()
        module.train()
        losses = module.losses(batch_of(drawn_hands()))
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        last = module.detector.backbone.network.stages[-1].parameters()
        gradients.append(torch.cat([weight.grad.flatten() for weight in last if weight.grad is not None]))
    assert gradients[1].dtype == torch.float32
    assert torch.cosine_similarity(*gradients, dim=0) > 0.95


@pytest.mark.parametrize(
    ("stride", "trained", "computed_in"),
    [(1, False, torch.bfloat16), (1, True, torch.float32), (2, False, torch.float32)],
)
@torch.no_grad()
def test_where_the_gradient_would_be_slow_in_bf16_a_cpu_computes_in_single_precision(
    stride: int, trained: bool, computed_in: torch.dtype
) -> None:
    kernels = (part for part in EfficientNetLite().modules() if isinstance(part, nn.Conv2d) and part.groups > 1)
    kernel = next(part for part in kernels if part.stride == (stride, stride)).requires_grad_(trained)
    with torch.autocast("cpu", torch.bfloat16):
        assert kernel(torch.zeros(1, kernel.in_channels, 8, 8)).dtype == computed_in
