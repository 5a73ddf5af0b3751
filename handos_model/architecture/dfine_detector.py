"""The compact detector: D-FINE with an EfficientNet-Lite backbone. Trained first, then frozen."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import AutoBackbone, DFineConfig, DFineForObjectDetection, PreTrainedConfig
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.d_fine.modeling_d_fine import (
    DFineEncoderLayer,
    DFineHybridEncoder,
    DFineSinePositionEmbedding,
)

from handos_model.architecture.aspect import pad_to_square
from handos_model.architecture.detector import Detector, DetectorOutput
from handos_model.architecture.efficientnet_lite import EfficientNetLite, Variant, feature_channels
from handos_model.architecture.mixed_precision import in_bf16
from handos_model.architecture.presets import DFinePreset

_PIXEL_MEAN = 127.0
_PIXEL_STD = 128.0
"""Normalisation that EfficientNet-Lite was trained with."""
_PRIOR_LOGIT = -3.0
"""Initial logit of the class heads: nearly all of an image is background."""


@dataclass(frozen=True)
class DFineOutput(DetectorOutput):
    """Adds the outputs of all layers, which the detector's losses need. T encoder tokens, L decoder layers."""

    layer_boxes: Tensor
    """(B, L, Q, 4) of all decoder layers in training, L = 1 otherwise."""
    layer_logits: Tensor
    """(B, L, Q)"""
    token_boxes: Tensor
    """(B, T, 4) proposals of the encoder tokens, before the best Q are selected as queries."""
    token_logits: Tensor
    """(B, T)"""


class BackboneConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Registers EfficientNet-Lite as a backbone of D-FINE's configuration."""

    model_type = "handos_efficientnet_lite"

    def __init__(self, variant: Variant = "lite0", **options: Any) -> None:
        self.variant: Variant = variant
        super().__init__(**options)


@dataclass(frozen=True)
class BackboneFeatures:
    """Backbone output in the form that transformers' detectors expect."""

    feature_maps: list[Tensor]


class Backbone(nn.Module):
    """EfficientNet-Lite with the backbone interface of transformers' detectors.

    These take only the stages that feed their encoder; the finer one for the side network is stored in
    `shallow_features`.
    """

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.channels = feature_channels(variant)[1:]
        self.network = EfficientNetLite(variant)
        self.shallow_features: Tensor | None = None
        self.bf16 = False

    @classmethod
    def _from_config(cls, config: BackboneConfig) -> "Backbone":
        return cls(config.variant)

    def forward(self, image: Tensor) -> BackboneFeatures:
        with in_bf16(self.bf16, image):
            features = [feature.to(image.dtype) for feature in self.network(image)]
        self.shallow_features, *deeper = features
        return BackboneFeatures(deeper)


Backbone.config_class = BackboneConfig  # type: ignore[attr-defined]
AutoBackbone.register(BackboneConfig, Backbone)


class _Encoder(DFineHybridEncoder):  # type: ignore[no-untyped-call]
    """D-FINE's encoder for images of any aspect ratio.

    D-FINE normalises coordinates by the sides of its feature maps. The maps for its decoder are padded to squares, so
    that boxes are fractions of the image's longer side; those for the side network, without padding, are stored in
    `maps`.
    """

    def __init__(self, config: DFineConfig) -> None:
        super().__init__(config)
        self.maps: list[Tensor] = []
        for layer in self.aifi:
            layer.position_embedding = _PositionEmbedding(
                config.encoder_hidden_dim, config.positional_encoding_temperature
            )

    def forward(self, inputs_embeds: list[Tensor], **options: Any) -> BaseModelOutput:
        self.maps = super().forward(inputs_embeds, **options).last_hidden_state
        return BaseModelOutput(last_hidden_state=[pad_to_square(features) for features in self.maps])  # type: ignore[arg-type]


class _PositionEmbedding(DFineSinePositionEmbedding):
    """The library's position embedding without `torch_int`, which exports the map's sides as constants."""

    def forward(self, width: int, height: int, device: torch.device | str, dtype: torch.dtype) -> Tensor:
        """(1, height * width, channels)"""
        embedding = self._cached_build_2d_sinusoidal_position_embedding(
            height, width, self.embed_dim, self.temperature, device=device, dtype=dtype
        )
        return embedding[None]


class _FillInPlace(TorchFunctionMode):
    """Makes `tensor[index] = number` a fill on the device: a copy from the host cannot be captured in a CUDA graph."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.__setitem__ and isinstance(args[2], int | float):
            target, index, number = args
            target[index].fill_(number)
            return None
        return func(*args, **(kwargs or {}))


class DFineDetector(Detector):
    """D-FINE (Peng et al., 2024) from transformers, with one class and an EfficientNet-Lite backbone."""

    levels = 2
    input_multiple = 32
    takes_any_aspect = True

    def __init__(self, preset: DFinePreset) -> None:
        super().__init__()
        self.width = preset.width
        self.shallow_channels = feature_channels(preset.backbone)[0]
        self.model = DFineForObjectDetection(_configuration(preset))
        self.model.model.encoder = _Encoder(self.model.config)
        _initialise_for_training_from_scratch(self.model)

    @property
    def backbone(self) -> Backbone:
        """EfficientNet-Lite."""
        return self.model.model.backbone.model

    @property
    def encoder(self) -> _Encoder:
        """The hybrid encoder."""
        return self.model.model.encoder

    def compute_in_bf16(self) -> None:
        """Run the backbone in bf16; encoder and decoder are cheap, and refining boxes needs more precision."""
        self.backbone.bf16 = True

    def train(self, mode: bool = True) -> "DFineDetector":
        """Set the mode of everything but the encoder's layers, which stay in evaluation mode.

        In training mode they check at every step whether all values are finite, for which the host waits for the
        device. There is no other difference: their dropout is 0.
        """
        super().train(mode)
        for module in self.modules():
            if isinstance(module, DFineEncoderLayer):
                module.training = False
        return self

    def forward(self, image: Tensor) -> DFineOutput:
        with _FillInPlace():
            output = self.model.model((image - _PIXEL_MEAN) / _PIXEL_STD)
        shallow_features, self.backbone.shallow_features = self.backbone.shallow_features, None
        encoder_features, self.encoder.maps = self.encoder.maps, []
        assert shallow_features is not None
        return DFineOutput(
            shallow_features=shallow_features,
            encoder_features=tuple(encoder_features),
            first_queries=output.intermediate_hidden_states[0],
            last_queries=output.intermediate_hidden_states[-1],
            boxes=output.intermediate_reference_points[:, -1],
            logits=output.intermediate_logits[:, -1, :, 0],
            layer_boxes=output.intermediate_reference_points,
            layer_logits=output.intermediate_logits[..., 0],
            token_boxes=output.enc_outputs_coord_logits.sigmoid(),
            token_logits=output.enc_outputs_class[..., 0],
        )


def _configuration(preset: DFinePreset) -> DFineConfig:
    return DFineConfig(
        backbone_config=BackboneConfig(preset.backbone),
        num_labels=1,  # type: ignore[call-arg]
        freeze_backbone_batch_norms=False,
        encoder_in_channels=list(feature_channels(preset.backbone)[1:]),
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
    )


def _initialise_for_training_from_scratch(model: DFineForObjectDetection) -> None:
    """Replace the library's initialisation, which is for fine-tuning: with random weights its activations vanish."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear) and module.weight.abs().sum() > 0:
            nn.init.xavier_uniform_(module.weight)
    core = model.model
    for layer in core.decoder.layers:
        nn.init.constant_(layer.encoder_attn.sampling_offsets.weight, 0.0)
    for head in (core.enc_score_head, *core.decoder.class_embed):
        nn.init.constant_(head.bias, _PRIOR_LOGIT)
    # Anchors are 5 % of the image; hands are much larger.
    with torch.no_grad():
        core.enc_bbox_head.layers[-1].weight.mul_(0.1)
        core.enc_bbox_head.layers[-1].bias[2:] = 2.4
