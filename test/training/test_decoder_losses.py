"""The decoder's losses against plain reference implementations, and which predictions they ignore."""

from dataclasses import fields, replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch
from torch import Tensor

from handos_model.architecture.decoder import DecoderOutput, HandPrediction
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project as project_with_camera
from handos_model.geometry.projection import root_position, to_camera_frame
from handos_model.hand.handedness import signed_volume
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.hand.topology import HandTopology
from handos_model.training.batch import MatchedHands
from handos_model.training.decoder_losses import OKS_SIGMAS, DecoderLosses, project_around_root

TOPOLOGY = HandTopology.load()
SIZE = 200
HANDS = 3
ALL = torch.ones(HANDS, dtype=torch.bool)
"""Every query is matched to a hand."""


@pytest.fixture
def hands() -> MatchedHands:
    """Mean right hands, rotated about the optical axis; the last one has no 3D annotation."""
    rotations = [np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) for a in (0.3, 1.2, -2.0)]
    root = (TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices)[9]
    vertices = torch.tensor(np.stack([(TOPOLOGY.mean_vertices - root) @ rotation.T for rotation in rotations])).float()
    joints = torch.from_numpy(TOPOLOGY.joint_regressor) @ vertices
    camera = torch.tensor([[80.0, 100, 500], [120, 90, 700], [100, 100, 600]])
    return MatchedHands(
        boxes=torch.zeros(HANDS, 4),
        joints_2d=camera[:, None, :2] + camera[:, None, 2:] * joints[..., :2],
        is_right=torch.tensor([True, True, False]),
        has_3d=torch.tensor([True, True, False]),
        has_mesh=torch.tensor([True, True, False]),
        joints_3d=joints,
        vertices=vertices,
        camera=camera,
    )


@pytest.fixture
def perfect(hands: MatchedHands) -> HandPrediction:
    spread = torch.full((HANDS, 21), 0.01)
    return HandPrediction(hands.joints_2d / SIZE, spread, hands.vertices, hands.joints_3d, hands.camera / SIZE)


@pytest.fixture
def noisy(perfect: HandPrediction) -> HandPrediction:
    generator = torch.Generator().manual_seed(0)

    def perturb(values: Tensor, amount: float) -> Tensor:
        return values + amount * torch.randn(values.shape, generator=generator)

    return replace(
        perfect,
        joints_2d=perturb(perfect.joints_2d, 0.01),
        vertices=perturb(perfect.vertices, 0.002),
        joints_3d=perturb(perfect.joints_3d, 0.005),
    )


def box_side(joints: Tensor) -> float:
    return float((joints.amax(0) - joints.amin(0)).max())


def losses_of(prediction: HandPrediction, hands: MatchedHands) -> dict[str, float]:
    losses = DecoderLosses(TOPOLOGY)(DecoderOutput([], [prediction]), hands, SIZE, ALL)
    return {name: float(loss) for name, loss in losses.items()}


def test_a_perfect_prediction_has_no_loss(perfect: HandPrediction, hands: MatchedHands) -> None:
    losses = losses_of(perfect, hands)
    for name in ("joints_2d", "oks", "vertices", "joints_3d", "normals", "edges", "camera"):
        assert losses[name] == pytest.approx(0, abs=1e-4), name


def test_oks_is_the_one_of_coco_with_the_box_side_as_scale(noisy: HandPrediction, hands: MatchedHands) -> None:
    similarities = []
    for hand in range(HANDS):
        side = box_side(hands.joints_2d[hand])
        for joint, name in enumerate(JOINT_NAMES):
            distance = float((noisy.joints_2d[hand, joint] * SIZE - hands.joints_2d[hand, joint]).norm())
            similarities.append(np.exp(-(distance**2) / (2 * side**2 * OKS_SIGMAS[name.split("_")[-1]] ** 2)))
    assert losses_of(noisy, hands)["oks"] == pytest.approx(1 - np.mean(similarities), rel=1e-4)


def test_normal_loss_is_one_minus_the_cosine_between_unit_normals(noisy: HandPrediction, hands: MatchedHands) -> None:
    def unit_normals(vertices: np.ndarray) -> np.ndarray:
        a, b, c = vertices[TOPOLOGY.faces_right].transpose(1, 0, 2)
        normals = np.cross(b - a, c - a)
        return normals / np.linalg.norm(normals, axis=1, keepdims=True)

    assert noisy.vertices is not None
    errors = [
        np.mean(1 - (unit_normals(noisy.vertices[k].numpy()) * unit_normals(hands.vertices[k].numpy())).sum(axis=1))
        for k in range(2)
    ]
    assert losses_of(noisy, hands)["normals"] == pytest.approx(0.2 * np.mean(errors), rel=1e-3)


def test_normal_loss_distinguishes_a_hand_from_its_mirror_image(perfect: HandPrediction, hands: MatchedHands) -> None:
    assert perfect.vertices is not None
    inside_out = replace(perfect, vertices=-perfect.vertices)
    mirrored_target = replace(hands, vertices=-hands.vertices)
    assert losses_of(inside_out, mirrored_target)["normals"] == pytest.approx(0, abs=1e-5)
    flipped_depth = replace(perfect, vertices=perfect.vertices * torch.tensor([1.0, 1.0, -1.0]))
    # Only the sign of the depth differs: with |cos| faces parallel to the image would have no loss.
    assert losses_of(flipped_depth, hands)["normals"] > 0.1


def test_edge_loss_counts_every_edge_once(noisy: HandPrediction, hands: MatchedHands) -> None:
    edges = {tuple(sorted((int(f[i]), int(f[(i + 1) % 3])))) for f in TOPOLOGY.faces_right for i in range(3)}
    first, second = np.array(sorted(edges)).T
    assert noisy.vertices is not None

    def lengths(vertices: np.ndarray) -> np.ndarray:
        return np.linalg.norm(vertices[first] - vertices[second], axis=1)

    errors = [np.abs(lengths(noisy.vertices[k].numpy()) - lengths(hands.vertices[k].numpy())).mean() for k in range(2)]
    assert losses_of(noisy, hands)["edges"] == pytest.approx(50 * np.mean(errors), rel=1e-3)


def test_relative_volume_equals_that_of_the_handedness_module(hands: MatchedHands) -> None:
    vertices = hands.vertices.numpy()
    size = np.sqrt(vertices.var(axis=1).sum(axis=-1))
    expected = signed_volume(vertices, TOPOLOGY) / size**3
    np.testing.assert_allclose(DecoderLosses(TOPOLOGY).relative_volume(hands.vertices), expected, rtol=1e-3)


def test_projection_is_the_pinhole_camera_on_the_optical_axis(hands: MatchedHands) -> None:
    focal, centre = 260.0, 99.5
    camera = torch.tensor([[centre, centre, 500.0]])
    projected = project_around_root(hands.joints_3d[:1], camera, focal)
    intrinsics = CameraIntrinsics(focal, focal, centre, centre)
    root = root_position([centre, centre], 500.0, intrinsics)
    expected = project_with_camera(to_camera_frame(hands.joints_3d[0].numpy(), root), intrinsics)
    np.testing.assert_allclose(projected[0], expected, atol=1e-2)


def test_hands_without_3d_annotations_are_supervised_by_projection_and_handedness_only(
    noisy: HandPrediction, hands: MatchedHands
) -> None:
    leaves = {field.name: getattr(noisy, field.name).clone().requires_grad_() for field in fields(noisy)}
    losses = DecoderLosses(TOPOLOGY)(DecoderOutput([], [HandPrediction(**leaves)]), hands, SIZE, ALL)
    for name in ("vertices", "joints_3d", "normals", "edges", "camera"):
        gradients = torch.autograd.grad(losses[name], list(leaves.values()), retain_graph=True, allow_unused=True)
        assert all(gradient is None or gradient[2].abs().max() == 0 for gradient in gradients), name
    (of_joints,) = torch.autograd.grad(losses["projection"], [leaves["joints_3d"]], retain_graph=True)
    (of_vertices,) = torch.autograd.grad(losses["handedness"], [leaves["vertices"]])
    assert of_joints[2].abs().max() > 0
    assert of_vertices[2].abs().max() > 0


@pytest.fixture
def with_unmatched(noisy: HandPrediction, hands: MatchedHands) -> tuple[HandPrediction, MatchedHands]:
    """The same and an unmatched row behind them: NaN predictions, and a padded hand of zeros."""

    def joined(values: Tensor, last: float) -> Tensor:
        return torch.cat([values, torch.full_like(values[:1], last)])

    prediction = {name: joined(values, torch.nan).requires_grad_() for name, values in vars(noisy).items()}
    padded = {name: joined(values, 0) for name, values in vars(hands).items()}
    return HandPrediction(**prediction), MatchedHands(**padded)


def test_unmatched_queries_change_neither_losses_nor_gradients(
    noisy: HandPrediction, hands: MatchedHands, with_unmatched: tuple[HandPrediction, MatchedHands]
) -> None:
    prediction, padded = with_unmatched
    alone = {name: values.clone().requires_grad_() for name, values in vars(noisy).items()}
    expected = DecoderLosses(TOPOLOGY)(DecoderOutput([], [HandPrediction(**alone)]), hands, SIZE, ALL)
    matched = torch.tensor([True] * HANDS + [False])
    losses = DecoderLosses(TOPOLOGY)(DecoderOutput([], [prediction]), padded, SIZE, matched)
    assert {name: float(loss.detach()) for name, loss in losses.items()} == pytest.approx(
        {name: float(loss.detach()) for name, loss in expected.items()}, rel=1e-5
    )
    gradients, expected_gradients = (
        torch.autograd.grad(torch.stack(list(terms.values())).sum(), list(leaves.values()))
        for terms, leaves in ((losses, vars(prediction)), (expected, alone))
    )
    for gradient, of_hands in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient[:HANDS], of_hands, rtol=1e-4, atol=1e-6)
        assert gradient[HANDS:].abs().max() == 0


def test_without_any_hand_all_losses_and_gradients_are_zero(
    with_unmatched: tuple[HandPrediction, MatchedHands],
) -> None:
    prediction, padded = with_unmatched
    losses = DecoderLosses(TOPOLOGY)(
        DecoderOutput([], [prediction]), padded, SIZE, torch.zeros(HANDS + 1, dtype=torch.bool)
    )
    assert {float(loss.detach()) for loss in losses.values()} == {0.0}
    gradients = torch.autograd.grad(torch.stack(list(losses.values())).sum(), list(vars(prediction).values()))
    assert all(gradient.abs().max() == 0 for gradient in gradients)


def test_the_best_spread_is_the_mean_absolute_error(perfect: HandPrediction, hands: MatchedHands) -> None:
    side = (hands.joints_2d.amax(1) - hands.joints_2d.amin(1)).amax(-1)
    off = perfect.joints_2d + 0.03 * side[:, None, None] / SIZE * torch.tensor([1.0, -1.0])
    factors = torch.linspace(0.5, 2, 31)
    losses = [
        losses_of(replace(perfect, joints_2d=off, joint_spread=f * 0.03 * side[:, None].expand(-1, 21) / SIZE), hands)
        for f in factors
    ]
    best = factors[int(np.argmin([loss["spread"] for loss in losses]))]
    assert float(best) == pytest.approx(1, abs=0.06)
