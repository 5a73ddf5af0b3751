"""The decoder's losses against formulas written out with loops, and what they leave alone."""

from dataclasses import fields, replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch
from torch import Tensor

from handos_model.architecture.decoder import HandPrediction
from handos_model.hand.handedness import signed_volume
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.hand.topology import HandTopology
from handos_model.inference.camera_geometry import project as project_with_camera
from handos_model.inference.camera_geometry import root_position, to_camera_frame
from handos_model.io.frame import CameraIntrinsics
from handos_model.training.decoder_losses import OKS_SIGMAS, DecoderLosses, project
from handos_model.training.sample import AssignedHands

TOPOLOGY = HandTopology.load()
SIZE = 200
HANDS = 3
ALL = torch.ones(HANDS, dtype=torch.bool)
"""Every query answers for a hand."""


@pytest.fixture
def hands() -> AssignedHands:
    """Mean right hands, turned about the optical axis; the last one without 3D."""
    turns = [np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) for a in (0.3, 1.2, -2.0)]
    root = (TOPOLOGY.joint_regressor @ TOPOLOGY.mean_vertices)[9]
    vertices = torch.tensor(np.stack([(TOPOLOGY.mean_vertices - root) @ turn.T for turn in turns])).float()
    joints = torch.from_numpy(TOPOLOGY.joint_regressor) @ vertices
    camera = torch.tensor([[80.0, 100, 500], [120, 90, 700], [100, 100, 600]])
    return AssignedHands(
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
def perfect(hands: AssignedHands) -> HandPrediction:
    spread = torch.full((HANDS, 21), 0.01)
    return HandPrediction(hands.joints_2d / SIZE, spread, hands.vertices, hands.joints_3d, hands.camera / SIZE)


@pytest.fixture
def noisy(perfect: HandPrediction) -> HandPrediction:
    generator = torch.Generator().manual_seed(0)

    def shaken(values: Tensor | None, amount: float) -> Tensor:
        assert values is not None
        return values + amount * torch.randn(values.shape, generator=generator)

    return replace(
        perfect,
        joints_2d=shaken(perfect.joints_2d, 0.01),
        vertices=shaken(perfect.vertices, 0.002),
        joints_3d=shaken(perfect.joints_3d, 0.005),
    )


def box_side(joints: Tensor) -> float:
    return float((joints.amax(0) - joints.amin(0)).max())


def losses_of(prediction: HandPrediction, hands: AssignedHands) -> dict[str, float]:
    losses = DecoderLosses(TOPOLOGY)([prediction], hands, SIZE, ALL)
    return {name: float(loss) for name, loss in losses.items()}


def test_a_perfect_prediction_costs_nothing_in_3d(perfect: HandPrediction, hands: AssignedHands) -> None:
    losses = losses_of(perfect, hands)
    for name in ("joints_2d", "oks", "vertices", "joints_3d", "normals", "edges", "camera"):
        assert losses[name] == pytest.approx(0, abs=1e-4), name


def test_oks_is_that_of_coco_with_the_box_as_scale(noisy: HandPrediction, hands: AssignedHands) -> None:
    similarities = []
    for hand in range(HANDS):
        side = box_side(hands.joints_2d[hand])
        for joint, name in enumerate(JOINT_NAMES):
            distance = float((noisy.joints_2d[hand, joint] * SIZE - hands.joints_2d[hand, joint]).norm())
            similarities.append(np.exp(-(distance**2) / (2 * side**2 * OKS_SIGMAS[name.split("_")[-1]] ** 2)))
    assert losses_of(noisy, hands)["oks"] == pytest.approx(1 - np.mean(similarities), rel=1e-4)


def test_normal_loss_is_one_minus_the_cosine_between_unit_normals(noisy: HandPrediction, hands: AssignedHands) -> None:
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


def test_normal_loss_tells_a_hand_from_its_mirror_image(perfect: HandPrediction, hands: AssignedHands) -> None:
    assert perfect.vertices is not None
    inside_out = replace(perfect, vertices=-perfect.vertices)
    mirrored_truth = replace(hands, vertices=-hands.vertices)
    assert losses_of(inside_out, mirrored_truth)["normals"] == pytest.approx(0, abs=1e-5)
    flat_sign = replace(perfect, vertices=perfect.vertices * torch.tensor([1.0, 1.0, -1.0]))
    # Seen along the optical axis only the sign of the depth differs: |cos| would see no difference in flat faces.
    assert losses_of(flat_sign, hands)["normals"] > 0.1


def test_edge_loss_goes_over_every_edge_once(noisy: HandPrediction, hands: AssignedHands) -> None:
    edges = {tuple(sorted((int(f[i]), int(f[(i + 1) % 3])))) for f in TOPOLOGY.faces_right for i in range(3)}
    first, second = np.array(sorted(edges)).T
    assert noisy.vertices is not None

    def lengths(vertices: np.ndarray) -> np.ndarray:
        return np.linalg.norm(vertices[first] - vertices[second], axis=1)

    errors = [np.abs(lengths(noisy.vertices[k].numpy()) - lengths(hands.vertices[k].numpy())).mean() for k in range(2)]
    assert losses_of(noisy, hands)["edges"] == pytest.approx(50 * np.mean(errors), rel=1e-3)


def test_relative_volume_is_the_one_that_the_runtime_reads_the_side_from(hands: AssignedHands) -> None:
    vertices = hands.vertices.numpy()
    size = np.sqrt(vertices.var(axis=1).sum(axis=-1))
    expected = signed_volume(vertices, TOPOLOGY) / size**3
    np.testing.assert_allclose(DecoderLosses(TOPOLOGY).relative_volume(hands.vertices), expected, rtol=1e-3)


def test_projection_is_the_pinhole_camera_on_the_optical_axis(hands: AssignedHands) -> None:
    focal, centre = 260.0, 99.5
    camera = torch.tensor([[centre, centre, 500.0]])
    projected = project(hands.joints_3d[:1], camera, focal)
    intrinsics = CameraIntrinsics(focal, focal, centre, centre)
    root = root_position([centre, centre], 500.0, intrinsics)
    expected = project_with_camera(to_camera_frame(hands.joints_3d[0].numpy(), root), intrinsics)
    np.testing.assert_allclose(projected[0], expected, atol=1e-2)


def test_hands_without_3d_annotation_teach_by_projection_and_side_only(
    noisy: HandPrediction, hands: AssignedHands
) -> None:
    leaves = {field.name: getattr(noisy, field.name).clone().requires_grad_() for field in fields(noisy)}
    losses = DecoderLosses(TOPOLOGY)([HandPrediction(**leaves)], hands, SIZE, ALL)
    for name in ("vertices", "joints_3d", "normals", "edges", "camera"):
        gradients = torch.autograd.grad(losses[name], list(leaves.values()), retain_graph=True, allow_unused=True)
        assert all(gradient is None or gradient[2].abs().max() == 0 for gradient in gradients), name
    (of_joints,) = torch.autograd.grad(losses["projection"], [leaves["joints_3d"]], retain_graph=True)
    (of_vertices,) = torch.autograd.grad(losses["side"], [leaves["vertices"]])
    assert of_joints[2].abs().max() > 0
    assert of_vertices[2].abs().max() > 0


@pytest.fixture
def with_idle(noisy: HandPrediction, hands: AssignedHands) -> tuple[HandPrediction, AssignedHands]:
    """The same, and a row behind them that answers for no hand: NaN beside the zeros of a padded hand."""

    def joined(values: Tensor, last: float) -> Tensor:
        return torch.cat([values, torch.full_like(values[:1], last)])

    prediction = {name: joined(values, torch.nan).requires_grad_() for name, values in vars(noisy).items()}
    padded = {name: joined(values, 0) for name, values in vars(hands).items()}
    return HandPrediction(**prediction), AssignedHands(**padded)


def test_queries_that_answer_for_no_hand_change_neither_losses_nor_gradients(
    noisy: HandPrediction, hands: AssignedHands, with_idle: tuple[HandPrediction, AssignedHands]
) -> None:
    prediction, padded = with_idle
    alone = {name: values.clone().requires_grad_() for name, values in vars(noisy).items()}
    expected = DecoderLosses(TOPOLOGY)([HandPrediction(**alone)], hands, SIZE, ALL)
    answers = torch.tensor([True] * HANDS + [False])
    losses = DecoderLosses(TOPOLOGY)([prediction], padded, SIZE, answers)
    assert {name: float(loss.detach()) for name, loss in losses.items()} == pytest.approx(
        {name: float(loss.detach()) for name, loss in expected.items()}, rel=1e-5
    )
    gradients, wanted = (
        torch.autograd.grad(torch.stack(list(found.values())).sum(), list(leaves.values()))
        for found, leaves in ((losses, vars(prediction)), (expected, alone))
    )
    for gradient, of_hands in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient[:HANDS], of_hands, rtol=1e-4, atol=1e-6)
        assert gradient[HANDS:].abs().max() == 0


def test_without_any_hand_all_losses_and_gradients_are_zero(
    with_idle: tuple[HandPrediction, AssignedHands],
) -> None:
    prediction, padded = with_idle
    losses = DecoderLosses(TOPOLOGY)([prediction], padded, SIZE, torch.zeros(HANDS + 1, dtype=torch.bool))
    assert {float(loss.detach()) for loss in losses.values()} == {0.0}
    gradients = torch.autograd.grad(torch.stack(list(losses.values())).sum(), list(vars(prediction).values()))
    assert all(gradient.abs().max() == 0 for gradient in gradients)


def test_spread_that_fits_the_errors_best_is_their_mean_absolute_error(
    perfect: HandPrediction, hands: AssignedHands
) -> None:
    side = (hands.joints_2d.amax(1) - hands.joints_2d.amin(1)).amax(-1)
    off = perfect.joints_2d + 0.03 * side[:, None, None] / SIZE * torch.tensor([1.0, -1.0])
    factors = torch.linspace(0.5, 2, 31)
    losses = [
        losses_of(replace(perfect, joints_2d=off, joint_spread=f * 0.03 * side[:, None].expand(-1, 21) / SIZE), hands)
        for f in factors
    ]
    best = factors[int(np.argmin([loss["spread"] for loss in losses]))]
    assert float(best) == pytest.approx(1, abs=0.06)
