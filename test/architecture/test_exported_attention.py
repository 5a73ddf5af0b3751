"""The exported deformable attention computes the same numbers as the trained one."""

import pytest
import torch
import torch.nn.functional as F

from handos_model.architecture.attention import DeformableAttention
from handos_model.architecture.exported_attention import GatheredDeformableAttention


@pytest.fixture
def trained() -> DeformableAttention:
    torch.manual_seed(0)
    attention = DeformableAttention(width=32, heads=4, levels=2, points=3)
    for layer in (attention.offsets, attention.weights):
        torch.nn.init.normal_(layer.weight, std=0.3)
    return attention.eval()


@pytest.mark.parametrize("spread", [0.2, 1.0, 3.0])
@torch.no_grad()
def test_samples_the_same_inside_and_outside_the_image(trained: DeformableAttention, spread: float) -> None:
    queries = torch.randn(1, 7, 32)
    references = torch.cat([0.5 + spread * (torch.rand(1, 7, 2) - 0.5), spread * torch.rand(1, 7, 2)], dim=-1)
    memory = [torch.randn(1, 32, 6, 8), torch.randn(1, 32, 3, 4)]
    expected = trained(queries, references, memory)
    output = GatheredDeformableAttention.from_trained(trained)(queries, references, memory)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_rectangle_is_sampled_like_a_square_padded_with_its_border(trained: DeformableAttention) -> None:
    queries, references = torch.randn(1, 50, 32), torch.rand(1, 50, 4)
    memory = [torch.randn(1, 32, 5, 8), torch.randn(1, 32, 3, 4)]
    squares = [F.pad(level, (0, 0, 0, level.shape[3] - level.shape[2]), mode="replicate") for level in memory]
    torch.testing.assert_close(
        trained(queries, references, memory), trained(queries, references, squares), atol=1e-5, rtol=1e-5
    )


def test_trained_attention_is_not_modified(trained: DeformableAttention) -> None:
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    exported = GatheredDeformableAttention.from_trained(trained)
    assert type(trained) is DeformableAttention
    for name, value in exported.state_dict().items():
        torch.testing.assert_close(value, before[name])
