"""The `edge` model with random weights: which queries attend to which, and what freezing keeps."""

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the model needs the train extra")

import torch
from torch import Tensor

from handos_model.architecture.decoder import HandPrediction
from handos_model.architecture.decoder_layers import InteractiveLayer
from handos_model.architecture.handos import HandOS, build_detector, build_model
from handos_model.architecture.input_size import InputSize
from handos_model.architecture.lifting import Lifting
from handos_model.architecture.presets import EDGE, PRESETS, preset_named
from handos_model.architecture.query_filtering import filter_queries
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.hand.topology import HandTopology

TOPOLOGY = HandTopology.load()
SIZE = 96


@pytest.fixture(scope="module")
def model() -> HandOS:
    torch.manual_seed(0)
    return build_model(EDGE, TOPOLOGY).eval()


@pytest.fixture
def image() -> Tensor:
    return torch.randint(0, 256, (1, SIZE, SIZE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def decode_before_and_after_perturbing(
    model: HandOS, image: Tensor, query: int
) -> tuple[HandPrediction, HandPrediction]:
    """The last layer's prediction before and after perturbing one query of the first interactive layer."""
    detections = model.detect(image.permute(0, 3, 1, 2).float())
    first_query = torch.zeros(1, 1, dtype=torch.long)
    before = model.decode(detections, model.encode_memory(detections), first_query).hand_layers[-1]

    def perturb(_layer: InteractiveLayer, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        queries = inputs[0].clone()
        queries[:, query] += torch.randn(queries.shape[-1], generator=torch.Generator().manual_seed(2))
        return (queries, *inputs[1:])

    hook = model.decoder.interactive_layers[0].register_forward_pre_hook(perturb)
    after = model.decode(detections, model.encode_memory(detections), first_query).hand_layers[-1]
    hook.remove()
    return before, after


@torch.no_grad()
def test_camera_query_affects_no_joint_and_no_vertex(model: HandOS, image: Tensor) -> None:
    before, after = decode_before_and_after_perturbing(model, image, query=-1)
    for name in ("joints_2d", "joint_spread", "vertices", "joints_3d"):
        assert torch.equal(getattr(before, name), getattr(after, name)), name
    assert not torch.allclose(before.camera, after.camera, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("query", [0, JOINT_COUNT - 1, JOINT_COUNT, JOINT_COUNT + 50])
def test_joint_and_vertex_queries_affect_vertices_joints_and_camera(model: HandOS, image: Tensor, query: int) -> None:
    before, after = decode_before_and_after_perturbing(model, image, query)
    for name in ("joints_2d", "vertices", "joints_3d", "camera"):
        assert not torch.equal(getattr(before, name), getattr(after, name)), name


@torch.no_grad()
def test_hands_of_one_image_do_not_affect_each_other(model: HandOS, image: Tensor) -> None:
    detections = model.detect(image.permute(0, 3, 1, 2).float())
    alone = model.decode(detections, model.encode_memory(detections), torch.tensor([[3]])).hand_layers[-1]
    together = model.decode(detections, model.encode_memory(detections), torch.tensor([[7, 3]])).hand_layers[-1]
    for name in ("joints_2d", "vertices", "camera"):
        torch.testing.assert_close(getattr(together, name)[1:], getattr(alone, name), rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_joints_are_the_regressor_times_the_vertices_relative_to_the_root(model: HandOS, image: Tensor) -> None:
    output = dict(
        zip(("scores", "boxes", "joints_2d", "spread", "vertices", "joints_3d", "camera"), model(image), strict=True)
    )
    regressed = torch.from_numpy(TOPOLOGY.joint_regressor) @ output["vertices"]
    torch.testing.assert_close(regressed, output["joints_3d"], rtol=1e-4, atol=1e-6)
    assert output["joints_3d"][:, 9].abs().max() < 1e-6


def test_lifting_is_initialised_with_skinning_weights_and_mean() -> None:
    weights = torch.from_numpy(TOPOLOGY.skin_weights)
    joints = torch.randn(2, JOINT_COUNT, 5)
    lifted = Lifting(weights)(joints)
    torch.testing.assert_close(lifted[:, :-1], torch.einsum("vj,hjd->hvd", weights, joints))
    torch.testing.assert_close(lifted[:, -1], joints.mean(dim=1))


def test_filtering_keeps_the_best_of_overlapping_queries() -> None:
    boxes = torch.tensor([[[0.3, 0.3, 0.2, 0.2], [0.31, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2], [0.7, 0.3, 0.1, 0.1]]])
    logits = torch.tensor([[1.0, 2.0, 0.0, -1.0]])
    indices, scores = filter_queries(boxes, logits, slots=4)
    assert indices[0, :3].tolist() == [1, 2, 3]
    assert scores[0].tolist() == pytest.approx([0.8808, 0.5, 0.2689, 0], abs=1e-4)


def test_frozen_detector_has_no_trainable_parameter_and_no_module_in_training_mode(model: HandOS) -> None:
    model.train()
    assert not any(parameter.requires_grad for parameter in model.detector.parameters())
    assert not any(module.training for module in model.detector.modules())
    assert all(parameter.requires_grad for parameter in model.decoder.parameters())
    model.eval()


@torch.no_grad()
def test_detector_takes_images_of_any_size(model: HandOS) -> None:
    image = 255 * torch.rand(1, 3, 128, 192, generator=torch.Generator().manual_seed(3))
    for height, width in ((128, 192), (128, 128), (96, 160)):
        detections = model.detect(image[..., :height, :width])
        assert detections.boxes.shape == (1, 30, 4)
        assert detections.encoder_features[0].shape[-2:] == (height // 16, width // 16)


def test_image_size_that_is_not_a_multiple_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"image size 200 .*multiple of 32"):
        build_detector(EDGE).require_sizes(InputSize(200, 384))


def test_unknown_preset_error_lists_the_presets() -> None:
    with pytest.raises(ValueError, match=r"'edgy'.*edge, crowd, crowd-lite2, full"):
        preset_named("edgy")


def test_presets_differ_in_data_only() -> None:
    assert all(replace(preset, name="copy").image_size % 64 == 0 for preset in PRESETS.values())
