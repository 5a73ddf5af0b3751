"""The DETR-like detector: features, queries, boxes and scores. Trained first, then frozen."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import DFineConfig, DFineForObjectDetection, HGNetV2Config

from handos_model.architecture.presets import DetectorPreset

_PIXEL_MEAN = 114.0
_PIXEL_SPREAD = 58.0
_RARE = -3.0
"""Logit that a new detector gives to everything: nearly all of an image is no hand."""


@dataclass(frozen=True)
class DetectorOutput:
    """What the decoder takes from the detector; boxes are (cx, cy, w, h) as fractions of the input image.

    B images, Q queries, D detector channels, T encoder tokens.
    """

    shallow_features: Tensor
    """(B, C, S/8, S/8) of the backbone's second stage, for the side network."""
    encoder_features: tuple[Tensor, ...]
    """(B, D, S/16, S/16), (B, D, S/32, S/32): F_e of the paper."""
    first_queries: Tensor
    """(B, Q, D) after the first decoder layer: Q_0 of the paper."""
    last_queries: Tensor
    """(B, Q, D) after the last decoder layer."""
    boxes: Tensor
    """(B, Q, 4) of the last decoder layer."""
    logits: Tensor
    """(B, Q) "this is a hand", before the sigmoid."""
    layer_boxes: Tensor
    """(B, L, Q, 4) of all decoder layers in training; only the last one otherwise."""
    layer_logits: Tensor
    """(B, L, Q)"""
    token_boxes: Tensor
    """(B, T, 4) proposed by each encoder token, before the best Q become queries."""
    token_logits: Tensor
    """(B, T)"""


class DFineDetector(nn.Module):
    """D-FINE with one class, from transformers, without pretrained weights.

    Input is a float image (B, 3, S, S), BGR 0..255; normalisation happens here, so that it is part of the graph.
    """

    def __init__(self, preset: DetectorPreset, image_size: int) -> None:
        super().__init__()
        self.model = DFineForObjectDetection(_configuration(preset, image_size))
        _initialise_for_training_from_scratch(self.model)
        self._shallow: list[Tensor] = []
        # transformers returns only the stages that feed the encoder; the side network reads an earlier one.
        self.model.model.backbone.model.encoder.stages[1].register_forward_hook(self._keep_shallow_features)

    def _keep_shallow_features(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        self._shallow = [output]

    def forward(self, image: Tensor) -> DetectorOutput:
        found = self.model.model((image - _PIXEL_MEAN) / _PIXEL_SPREAD)
        return DetectorOutput(
            shallow_features=self._shallow.pop(),
            encoder_features=tuple(found.encoder_last_hidden_state),
            first_queries=found.intermediate_hidden_states[0],
            last_queries=found.intermediate_hidden_states[-1],
            boxes=found.intermediate_reference_points[:, -1],
            logits=found.intermediate_logits[:, -1, :, 0],
            layer_boxes=found.intermediate_reference_points,
            layer_logits=found.intermediate_logits[..., 0],
            token_boxes=found.enc_outputs_coord_logits.sigmoid(),
            token_logits=found.enc_outputs_class[..., 0],
        )

    def freeze(self) -> None:
        """Keep the weights, and the statistics of batch normalisation, as they are."""
        self.requires_grad_(False)
        self.eval()


def _configuration(preset: DetectorPreset, image_size: int) -> DFineConfig:
    backbone = HGNetV2Config(
        stem_channels=list(preset.stem_channels),
        stage_in_channels=list(preset.stage_in_channels),
        stage_mid_channels=list(preset.stage_mid_channels),
        stage_out_channels=list(preset.stage_out_channels),
        stage_num_blocks=list(preset.stage_blocks),
        stage_numb_of_layers=[preset.stage_convolutions] * 4,
        hidden_sizes=list(preset.stage_out_channels),
        depths=list(preset.stage_blocks),
        embedding_size=preset.stem_channels[-1],
        use_learnable_affine_block=True,
        out_indices=[3, 4],
    )
    return DFineConfig(
        backbone_config=backbone,
        num_labels=1,
        freeze_backbone_batch_norms=False,
        encoder_in_channels=list(preset.stage_out_channels[2:]),
        feat_strides=[16, 32],
        num_feature_levels=2,
        encode_proj_layers=[1],
        encoder_hidden_dim=preset.width,
        encoder_ffn_dim=preset.feedforward_width,
        d_model=preset.width,
        decoder_in_channels=[preset.width, preset.width],
        decoder_ffn_dim=preset.feedforward_width,
        decoder_layers=preset.decoder_layers,
        decoder_n_points=[preset.points, preset.points],
        num_queries=preset.queries,
        hidden_expansion=0.34,
        depth_mult=0.5,
        num_denoising=0,
        anchor_image_size=[image_size, image_size],
    )


def _initialise_for_training_from_scratch(model: DFineForObjectDetection) -> None:
    """Undo the library's initialisation for fine-tuning, under which the activations of random weights vanish."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear) and module.weight.abs().sum() > 0:
            nn.init.xavier_uniform_(module.weight)
    core = model.model
    for layer in core.decoder.layers:
        nn.init.constant_(layer.encoder_attn.sampling_offsets.weight, 0.0)
    for head in (core.enc_score_head, *core.decoder.class_embed):
        nn.init.constant_(head.bias, _RARE)
    # Anchors are 5 % of the image; hands fill much more of it.
    with torch.no_grad():
        core.enc_bbox_head.layers[-1].weight.mul_(0.1)
        core.enc_bbox_head.layers[-1].bias[2:] = 2.4
