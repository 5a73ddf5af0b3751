"""The model of preset `edge` with random weights: who sees whom, and what freezing keeps."""

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the model needs the train extra")

import torch
from torch import Tensor

from handos_model.architecture.building import build_detector, build_model
from handos_model.architecture.decoder import HandPrediction
from handos_model.architecture.decoder_layers import InteractiveLayer
from handos_model.architecture.handos import HandOS
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


def decoded_with_change(model: HandOS, image: Tensor, query: int) -> tuple[HandPrediction, HandPrediction]:
    """The last layer's answer, before and after a change of one query of the first interactive layer."""
    found = model.detect(image.permute(0, 3, 1, 2).float())
    first_query = torch.zeros(1, 1, dtype=torch.long)
    before = model.decode(found, model.remember(found), first_query)[-1]

    def perturb(_layer: InteractiveLayer, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        queries = inputs[0].clone()
        queries[:, query] += torch.randn(queries.shape[-1], generator=torch.Generator().manual_seed(2))
        return (queries, *inputs[1:])

    hook = model.decoder.interactive_layers[0].register_forward_pre_hook(perturb)
    after = model.decode(found, model.remember(found), first_query)[-1]
    hook.remove()
    return before, after


@torch.no_grad()
def test_camera_query_changes_no_joint_and_no_vertex(model: HandOS, image: Tensor) -> None:
    before, after = decoded_with_change(model, image, query=-1)
    for name in ("joints_2d", "joint_spread", "vertices", "joints_3d"):
        assert torch.equal(getattr(before, name), getattr(after, name)), name
    assert before.camera is not None
    assert not torch.allclose(before.camera, after.camera, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("query", [0, JOINT_COUNT - 1, JOINT_COUNT, JOINT_COUNT + 50])
def test_joint_and_vertex_queries_change_vertices_joints_and_camera(model: HandOS, image: Tensor, query: int) -> None:
    before, after = decoded_with_change(model, image, query)
    for name in ("joints_2d", "vertices", "joints_3d", "camera"):
        assert not torch.equal(getattr(before, name), getattr(after, name)), name


@torch.no_grad()
def test_hands_of_one_image_do_not_see_each_other(model: HandOS, image: Tensor) -> None:
    found = model.detect(image.permute(0, 3, 1, 2).float())
    alone = model.decode(found, model.remember(found), torch.tensor([[3]]))[-1]
    together = model.decode(found, model.remember(found), torch.tensor([[7, 3]]))[-1]
    for name in ("joints_2d", "vertices", "camera"):
        torch.testing.assert_close(getattr(together, name)[1:], getattr(alone, name), rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_joints_are_the_regressor_times_the_vertices_relative_to_the_root(model: HandOS, image: Tensor) -> None:
    answer = dict(
        zip(("scores", "boxes", "joints_2d", "spread", "vertices", "joints_3d", "camera"), model(image), strict=True)
    )
    regressed = torch.from_numpy(TOPOLOGY.joint_regressor) @ answer["vertices"]
    torch.testing.assert_close(regressed, answer["joints_3d"], rtol=1e-4, atol=1e-6)
    assert answer["joints_3d"][:, 9].abs().max() < 1e-6


def test_lifting_starts_as_skinning_weights_and_mean() -> None:
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


def test_freezing_leaves_no_parameter_and_no_statistic_of_the_detector_to_learn(model: HandOS) -> None:
    model.train()
    assert not any(parameter.requires_grad for parameter in model.detector.parameters())
    assert not any(module.training for module in model.detector.modules())
    assert all(parameter.requires_grad for parameter in model.decoder.parameters())
    model.eval()


@torch.no_grad()
def test_detector_takes_images_of_any_size(model: HandOS) -> None:
    image = 255 * torch.rand(1, 3, 128, 192, generator=torch.Generator().manual_seed(3))
    for height, width in ((128, 192), (128, 128), (96, 160)):
        found = model.detect(image[..., :height, :width])
        assert found.boxes.shape == (1, 30, 4)
        assert found.encoder_features[0].shape[-2:] == (height // 16, width // 16)


def test_unsuitable_image_size_is_refused() -> None:
    with pytest.raises(ValueError, match="image size 200 does not suit this model: choose a multiple of 32"):
        build_detector(EDGE).require_sizes(200)


def test_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no preset 'edgy': choose one of edge, full"):
        preset_named("edgy")


def test_presets_differ_in_data_only() -> None:
    assert all(replace(preset, name="copy").image_size % 64 == 0 for preset in PRESETS.values())
