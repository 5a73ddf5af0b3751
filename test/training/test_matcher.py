"""SimOTA against a reference implementation with loops."""

import math

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

import torch
from torch import Tensor

from handos_model.training.matcher import match_predictions


def iou(a: list[float], b: list[float]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union


def brute_force(logits: list[float], corners: list[list[float]], hands: list[list[float]]) -> list[int]:
    """YOLOX's SimOTA for one image: costs, dynamic k, the k cheapest predictions, conflicts to the cheaper hand."""
    costs, selected_by = [], [[] for _ in logits]
    for hand in hands:
        costs.append([])
        for logit, box in zip(logits, corners, strict=True):
            centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            inside = hand[0] < centre[0] < hand[2] and hand[1] < centre[1] < hand[3]
            classification = -math.log(1 / (1 + math.exp(-logit)))
            costs[-1].append(classification - 3 * math.log(iou(box, hand) + 1e-8) + (0 if inside else 1e5))
    for number, hand in enumerate(hands):
        best = sorted((iou(box, hand) for box in corners), reverse=True)[:10]
        count = max(1, int(sum(best)))
        for query in sorted(range(len(logits)), key=lambda k: costs[number][k])[:count]:
            selected_by[query].append(number)
    return [min(numbers, key=lambda n: costs[n][q]) if numbers else -1 for q, numbers in enumerate(selected_by)]


def random_boxes(count: int, generator: torch.Generator) -> Tensor:
    centre = torch.rand(count, 2, generator=generator)
    half = 0.05 + 0.2 * torch.rand(count, 2, generator=generator)
    return torch.cat([centre - half, centre + half], dim=-1)


@pytest.mark.parametrize("seed", range(20))
def test_matches_equal_those_of_the_reference(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    hands = random_boxes(1 + seed % 4, generator)
    near = hands.repeat_interleave(8, dim=0) + 0.05 * torch.randn(8 * len(hands), 4, generator=generator)
    corners = torch.cat([near, random_boxes(15, generator)])
    logits = 2 * torch.randn(len(corners), generator=generator)
    matches = match_predictions(logits[None], corners[None], hands[None], torch.ones(1, len(hands), dtype=torch.bool))
    assert matches[0].tolist() == brute_force(logits.tolist(), corners.tolist(), hands.tolist())


def test_padded_hands_are_never_matched() -> None:
    generator = torch.Generator().manual_seed(0)
    corners, hands = random_boxes(30, generator), random_boxes(3, generator)
    matches = match_predictions(torch.zeros(1, 30), corners[None], hands[None], torch.tensor([[True, False, True]]))
    assert 1 not in matches
    alone = match_predictions(torch.zeros(1, 30), corners[None], hands[None, [0, 2]], torch.ones(1, 2).bool())
    assert torch.equal(torch.where(matches == 2, 1, matches), alone)


def test_without_hands_every_prediction_is_background() -> None:
    matches = match_predictions(torch.zeros(2, 5), torch.rand(2, 5, 4), torch.zeros(2, 0, 4), torch.zeros(2, 0).bool())
    assert (matches == -1).all()
