"""Training steps as one CUDA graph: where that is possible, and that they learn the same."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch
from accelerate import Accelerator
from drawn_hands import STAGE, drawn_hands

from handos_model.architecture.efficientnet_lite import EfficientNetLite0
from handos_model.hand.topology import HandTopology
from handos_model.training import run
from handos_model.training.configuration import TrainingConfiguration
from handos_model.training.detector_stage import train_detector


@pytest.mark.parametrize(
    ("preset", "why"), [("edge", "no CUDA GPU is found"), ("full", "sends numbers to the GPU in every step")]
)
def test_steps_are_not_recorded_where_they_cannot_be(
    preset: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    configuration = TrainingConfiguration(preset=preset, seed=5, decoder=STAGE, record_steps=True)
    with pytest.raises(ValueError, match=f"{why}.*: set it to false"):
        run.train(configuration, "decoder", tmp_path / "state")
    assert not (tmp_path / "state").exists()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU, or torch is built without CUDA")
def test_recorded_steps_learn_what_steps_launched_kernel_by_kernel_do(tmp_path: Path) -> None:
    stage = replace(STAGE, photographs=0.0)
    weights = tmp_path / "backbone.pt"
    torch.save(EfficientNetLite0().state_dict(), weights)
    losses = []
    for record in (True, False):
        configuration = TrainingConfiguration(
            preset="edge",
            seed=5,
            detector=stage,
            decoder=stage,
            record_steps=record,
            backbone_weights=str(weights),
        )
        checkpoint = tmp_path / str(record) / "detector.pt"
        train_detector(
            configuration, [(drawn_hands(), 1.0)], HandTopology.load().vertex_count, checkpoint, Accelerator()
        )
        losses.append([json.loads(line)["box"] for line in checkpoint.with_suffix(".jsonl").read_text().splitlines()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
