"""Grounding DINO as the detector: prompt folded away, weights from a folder, the same decoder on top."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the model needs the train extra")

import torch
from torch import nn
from transformers import BertConfig, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

from handos_model.architecture.grounding_dino_detector import GroundingDinoDetector
from handos_model.architecture.handos import HandOS
from handos_model.architecture.presets import FULL, GroundingDinoPreset
from handos_model.hand.topology import HandTopology

SIZE = 128
assert isinstance(FULL.detector, GroundingDinoPreset)
PROMPT = FULL.detector.prompt_tokens


@pytest.fixture
def library_model() -> GroundingDinoForObjectDetection:
    """Grounding DINO in every part, but small, with weights whose activations do not vanish."""
    torch.manual_seed(0)
    configuration = GroundingDinoConfig(
        backbone_config=SwinConfig(embed_dim=24, depths=[1] * 4, num_heads=[1, 2, 3, 4], out_indices=[2, 3, 4]),
        text_config=BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64),
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        num_queries=40,
        attn_implementation="eager",
    )
    model = GroundingDinoForObjectDetection(configuration).eval()
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and module.weight.abs().sum() > 0:
            nn.init.xavier_uniform_(module.weight)
    return model


def picture(batch: int = 1) -> torch.Tensor:
    return 255 * torch.rand(batch, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_folded_prompt_gives_what_the_text_backbone_gave(library_model: GroundingDinoForObjectDetection) -> None:
    image = picture()
    mean, spread = torch.tensor([[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]])
    rgb = (image[0].flip(0) - mean[:, None, None]) / spread[:, None, None]
    wanted = library_model(pixel_values=rgb[None], input_ids=torch.tensor([PROMPT]))
    found = GroundingDinoDetector(library_model, PROMPT).eval()(image)
    torch.testing.assert_close(found.boxes, wanted.pred_boxes)
    torch.testing.assert_close(found.logits, wanted.logits[..., 1])
    torch.testing.assert_close(found.last_queries, wanted.intermediate_hidden_states[:, -1])
    flat = torch.cat([level.flatten(2) for level in found.encoder_features], dim=-1).transpose(1, 2)
    torch.testing.assert_close(flat, wanted.encoder_last_hidden_state_vision)


@torch.no_grad()
def test_shallow_features_are_twice_as_fine_as_the_finest_map(library_model: GroundingDinoForObjectDetection) -> None:
    found = GroundingDinoDetector(library_model, PROMPT).eval()(picture(2))
    assert found.shallow_features.shape == (2, 24, SIZE // 4, SIZE // 4)
    assert [level.shape[-1] for level in found.encoder_features] == [16, 8, 4, 2]
    assert found.shallow_features.std() > 0.5


def test_text_backbone_is_gone(library_model: GroundingDinoForObjectDetection) -> None:
    detector = GroundingDinoDetector(library_model, PROMPT)
    assert not [name for name, _ in detector.named_parameters() if "text_backbone" in name]


@torch.no_grad()
def test_pretrained_weights_are_read_from_a_folder(
    library_model: GroundingDinoForObjectDetection, tmp_path: Path
) -> None:
    library_model.save_pretrained(tmp_path / "detector")
    wanted = GroundingDinoDetector(library_model, PROMPT).eval()(picture())
    read = GroundingDinoDetector.pretrained(GroundingDinoPreset(str(tmp_path / "detector"), PROMPT)).eval()
    torch.testing.assert_close(read(picture()).boxes, wanted.boxes)
    torch.testing.assert_close(read(picture()).shallow_features, wanted.shallow_features)


def test_absent_weights_are_refused_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"hf download IDEA-Research/grounding-dino-tiny --local-dir DIR"):
        GroundingDinoDetector.pretrained(GroundingDinoPreset(str(tmp_path), PROMPT))


def test_decoder_with_all_vertices_as_queries_learns_on_it(library_model: GroundingDinoForObjectDetection) -> None:
    sizes = replace(FULL, width=32, attention_heads=4, feedforward_width=64, interactive_layers=1)
    topology = HandTopology.load()
    model = HandOS(sizes, topology, GroundingDinoDetector(library_model, PROMPT)).train()
    found = model.detect(picture(2))
    layers = model.decode(found, model.remember(found), torch.tensor([[0, 3], [1, 2]]))
    assert len(layers) == sizes.layers_2d + 1
    vertices = layers[-1].vertices
    assert vertices is not None
    assert vertices.shape == (4, topology.vertex_count, 3)
    vertices.square().mean().backward()
    assert model.decoder.lift.matrix.shape == (topology.vertex_count + 1, 21)
    assert model.decoder.lift.matrix.grad is not None
    assert model.side_network.refine.weight.grad is not None
    assert all(parameter.grad is None for parameter in model.detector.parameters())
