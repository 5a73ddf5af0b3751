"""Joint expansion places reference boxes where the instance query's guess and the joint's heatmap agree."""

import pytest

pytest.importorskip("torch", reason="the model needs the train extra")

import numpy as np
import torch
from torch import Tensor

from handos_model.architecture.expansion import JointExpansion
from handos_model.hand.skeleton import JOINT_COUNT

CELLS = 32
BOX = torch.tensor([[0.5, 0.5, 0.4, 0.3]])
PIXEL = 1 / CELLS


@pytest.fixture
def expand() -> JointExpansion:
    torch.manual_seed(0)
    return JointExpansion(instance_width=8, width=16)


def heatmaps_with_peaks(*peaks: tuple[float, float]) -> Tensor:
    """(1, 21, h, w), same for every joint: logits of Gaussians, two cells wide, at x, y as fractions of the image."""
    x, y = (np.arange(CELLS) + 0.5) / CELLS, (np.arange(CELLS)[:, None] + 0.5) / CELLS
    gaussians = [10 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * (2 * PIXEL) ** 2)) for px, py in peaks]
    return torch.from_numpy(np.max(gaussians, axis=0) - 5).float().expand(1, JOINT_COUNT, -1, -1)


def guess_of(expand: JointExpansion, instances: Tensor) -> Tensor:
    """(H, 21, 2) guess from the instance query, in box sides from the box's centre."""
    guess: Tensor = expand.guess(expand.normalise(expand.project(instances))).unflatten(-1, (JOINT_COUNT, 2))
    return guess


@torch.no_grad()
def test_references_are_the_mean_of_gaussian_times_heatmap(expand: JointExpansion) -> None:
    instances = torch.randn(1, 8)
    logits = torch.full((1, JOINT_COUNT, CELLS, CELLS), 0.0)
    # Bilinear interpolation of a plane is exact, so that the independent formula needs none.
    slope = torch.randn(JOINT_COUNT, 2)
    centre = (torch.arange(CELLS) + 0.5) / CELLS
    logits = (slope[:, 0, None, None] * centre + slope[:, 1, None, None] * centre[:, None])[None]
    _, references = expand(instances, BOX, logits)
    line = 1.3 * ((np.arange(24) + 0.5) / 24 - 0.5)
    for joint, guess in enumerate(guess_of(expand, instances)[0].numpy().astype(np.float64)):
        product = np.zeros((24, 24))
        for column, x in enumerate(line):
            for row, y in enumerate(line):
                gaussian = np.exp(-np.exp(4.0) * ((x - guess[0]) ** 2 + (y - guess[1]) ** 2) / 2)
                logit = slope[joint].numpy() @ np.array([0.5 + 0.4 * x, 0.5 + 0.4 * y])
                product[row, column] = gaussian * np.exp(3.0 * logit)
        expected = np.array([(product.sum(axis=0) @ line), (product.sum(axis=1) @ line)]) / product.sum()
        np.testing.assert_allclose(references[0, joint, :2], 0.5 + 0.4 * expected, atol=1e-4)


@torch.no_grad()
def test_references_are_at_the_peak_of_the_heatmap(expand: JointExpansion) -> None:
    peak = (0.43, 0.58)
    _, references = expand(torch.randn(1, 8), BOX, heatmaps_with_peaks(peak))
    assert (references[0, :, :2] - torch.tensor(peak)).abs().max() < PIXEL


@torch.no_grad()
def test_references_in_a_rectangle_are_fractions_of_its_longer_side(expand: JointExpansion) -> None:
    instances, heatmaps = torch.randn(1, 8), heatmaps_with_peaks((0.43, 0.38))
    upper = expand(instances, BOX - torch.tensor([0, 0.1, 0, 0]), heatmaps[:, :, :24])
    whole = expand(instances, BOX - torch.tensor([0, 0.1, 0, 0]), heatmaps)
    torch.testing.assert_close(upper, whole, atol=1e-4, rtol=0)


@torch.no_grad()
def test_references_are_at_the_peak_nearest_to_the_guess(expand: JointExpansion) -> None:
    left, right = (0.38, 0.5), (0.62, 0.5)
    instances = torch.randn(64, 8)
    nearest = torch.where(guess_of(expand, instances)[..., :1] < 0, torch.tensor(left), torch.tensor(right))
    decided = guess_of(expand, instances)[..., 0].abs() > 0.15
    assert decided.float().mean() > 0.1
    _, references = expand(instances, BOX.expand(64, -1), heatmaps_with_peaks(left, right))
    assert (references[..., :2] - nearest)[decided].norm(dim=-1).median() < PIXEL


@torch.no_grad()
def test_hands_use_the_heatmaps_of_their_own_image(expand: JointExpansion) -> None:
    heatmaps = torch.cat([heatmaps_with_peaks((0.42, 0.5)), heatmaps_with_peaks((0.58, 0.5))])
    _, references = expand(torch.randn(1, 8).expand(4, -1), BOX.expand(4, -1), heatmaps)
    assert (references[:2, :, 0] < 0.5).all()
    assert (references[2:, :, 0] > 0.5).all()


def test_references_pass_gradients_to_the_heatmaps(expand: JointExpansion) -> None:
    heatmaps = heatmaps_with_peaks((0.43, 0.58)).clone().requires_grad_()
    expand(torch.randn(1, 8), BOX, heatmaps)[1].sum().backward()
    assert heatmaps.grad is not None
    assert heatmaps.grad.abs().sum() > 0
