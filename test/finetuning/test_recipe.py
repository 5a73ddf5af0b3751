"""What is done with the weights after training."""

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch

from handos_model.finetuning.recipe import move_halfway_back


def test_weights_end_halfway_between_the_trained_and_the_shipped_ones() -> None:
    shipped, trained = (torch.nn.BatchNorm1d(2) for _ in range(2))
    torch.nn.init.constant_(trained.weight, 3.0)
    trained.running_mean += 4
    trained.num_batches_tracked += 7
    move_halfway_back(trained, shipped)
    assert trained.weight.tolist() == [2.0, 2.0]
    assert trained.running_mean.tolist() == [2.0, 2.0]
    assert trained.num_batches_tracked == 7
    assert shipped.weight.tolist() == [1.0, 1.0]
