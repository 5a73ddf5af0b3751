"""Training steps as one CUDA graph: where they are possible, and that they give the same losses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch
from accelerate import Accelerator
from drawn_hands import STAGE, drawn_hands

from handos_model.architecture.efficientnet_lite import EfficientNetLite
from handos_model.hand.topology import HandTopology
from handos_model.training import run
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.detector_stage import train_detector


@pytest.mark.parametrize(
    ("preset", "reason"), [("edge", "no CUDA GPU"), ("full", "published detector of preset 'full'")]
)
def test_cuda_graphs_are_refused_where_none_can_be_captured(
    preset: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    configuration = TrainingConfiguration(preset=preset, seed=5, decoder=STAGE, cuda_graph=True)
    with pytest.raises(ValueError, match=f"cuda_graph is true.*{reason}"):
        run.train(configuration, "decoder", tmp_path / "state")
    assert not (tmp_path / "state").exists()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU, or torch is built without CUDA")
def test_a_cuda_graph_gives_the_same_losses_as_single_kernels(tmp_path: Path) -> None:
    # Sizes take turns, and the graphs of both work in the same memory.
    sizes = ((128, 96), (128, 128))
    stage = replace(STAGE, photograph_fraction=0.0, steps=10, early_fraction=0.2, view_sizes=sizes)
    weights = tmp_path / "backbone.pt"
    torch.save(EfficientNetLite().state_dict(), weights)
    losses = []
    for cuda_graph in (True, False):
        configuration = TrainingConfiguration(
            preset="edge",
            seed=5,
            detector=stage,
            decoder=stage,
            cuda_graph=cuda_graph,
            backbone_weights=str(weights),
        )
        checkpoint = tmp_path / str(cuda_graph) / "detector.pt"
        train_detector(
            configuration, [(drawn_hands(), 1.0)], HandTopology.load().vertex_count, checkpoint, Accelerator()
        )
        losses.append([json.loads(line)["box"] for line in checkpoint.with_suffix(".jsonl").read_text().splitlines()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
