"""Grounding DINO as the detector: a fixed prompt, weights from a folder, the same decoder."""

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
    """All parts of Grounding DINO, but small, with weights whose activations do not vanish."""
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


def random_image(batch: int = 1) -> torch.Tensor:
    return 255 * torch.rand(batch, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_fixed_prompt_gives_the_same_output_as_the_text_backbone(
    library_model: GroundingDinoForObjectDetection,
) -> None:
    image = random_image()
    mean, std = torch.tensor([[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]])
    rgb = (image[0].flip(0) - mean[:, None, None]) / std[:, None, None]
    expected = library_model(pixel_values=rgb[None], input_ids=torch.tensor([PROMPT]))
    output = GroundingDinoDetector(library_model, PROMPT).eval()(image)
    torch.testing.assert_close(output.boxes, expected.pred_boxes)
    torch.testing.assert_close(output.logits, expected.logits[..., 1])
    torch.testing.assert_close(output.last_queries, expected.intermediate_hidden_states[:, -1])
    flat = torch.cat([level.flatten(2) for level in output.encoder_features], dim=-1).transpose(1, 2)
    torch.testing.assert_close(flat, expected.encoder_last_hidden_state_vision)


@torch.no_grad()
def test_shallow_features_have_twice_the_resolution_of_the_finest_map(
    library_model: GroundingDinoForObjectDetection,
) -> None:
    output = GroundingDinoDetector(library_model, PROMPT).eval()(random_image(2))
    assert output.shallow_features.shape == (2, 24, SIZE // 4, SIZE // 4)
    assert [level.shape[-1] for level in output.encoder_features] == [16, 8, 4, 2]
    assert output.shallow_features.std() > 0.5


def test_text_backbone_is_removed(library_model: GroundingDinoForObjectDetection) -> None:
    detector = GroundingDinoDetector(library_model, PROMPT)
    assert not [name for name, _ in detector.named_parameters() if "text_backbone" in name]


@torch.no_grad()
def test_pretrained_weights_are_read_from_a_folder(
    library_model: GroundingDinoForObjectDetection, tmp_path: Path
) -> None:
    library_model.save_pretrained(tmp_path / "detector")
    expected = GroundingDinoDetector(library_model, PROMPT).eval()(random_image())
    loaded = GroundingDinoDetector.pretrained(GroundingDinoPreset(str(tmp_path / "detector"), PROMPT)).eval()
    torch.testing.assert_close(loaded(random_image()).boxes, expected.boxes)
    torch.testing.assert_close(loaded(random_image()).shallow_features, expected.shallow_features)


def test_missing_weights_error_names_the_download_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"hf download IDEA-Research/grounding-dino-tiny --local-dir DIR"):
        GroundingDinoDetector.pretrained(GroundingDinoPreset(str(tmp_path), PROMPT))


def test_decoder_with_all_vertices_as_queries_gets_gradients(library_model: GroundingDinoForObjectDetection) -> None:
    sizes = replace(FULL, width=32, attention_heads=4, feedforward_width=64, interactive_layers=1)
    topology = HandTopology.load()
    model = HandOS(sizes, topology, GroundingDinoDetector(library_model, PROMPT)).train()
    output = model.detect(random_image(2))
    decoded = model.decode(output, model.encode_memory(output), torch.tensor([[0, 3], [1, 2]]))
    assert (len(decoded.joint_layers), len(decoded.hand_layers)) == (sizes.layers_2d, 1)
    vertices = decoded.hand_layers[-1].vertices
    assert vertices.shape == (4, topology.vertex_count, 3)
    vertices.square().mean().backward()
    assert model.decoder.lift.matrix.shape == (topology.vertex_count + 1, 21)
    assert model.decoder.lift.matrix.grad is not None
    assert model.side_network.refine.weight.grad is not None
    assert all(parameter.grad is None for parameter in model.detector.parameters())
