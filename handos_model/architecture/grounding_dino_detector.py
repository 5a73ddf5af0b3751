"""The paper's detector: Grounding DINO with a fixed prompt. Frozen as published."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection
from transformers.models.grounding_dino.modeling_grounding_dino import (
    generate_masks_with_special_tokens_and_transfer_map,
)

from handos_model.architecture.detector import Detector, DetectorOutput
from handos_model.architecture.mixed_precision import in_bf16
from handos_model.architecture.presets import GroundingDinoPreset

_PIXEL_MEAN = (123.675, 116.28, 103.53)
_PIXEL_STD = (58.395, 57.12, 57.375)
"""RGB normalisation that Grounding DINO was trained with."""
_SPECIAL_TOKENS = (101, 102, 1012, 1029)
"""[CLS], [SEP], full stop and question mark: they separate phrases."""


class GroundingDinoDetector(Detector):
    """Grounding DINO (Liu et al., 2023) from transformers, with one fixed prompt.

    The prompt never changes, so the text backbone is replaced by its output, which saves 110 of 172 million
    parameters. The fusion of text and image features stays.

    Parameters
    ----------
    model
        With trained or random weights; it is modified.
    prompt_tokens
        The prompt in the text backbone's vocabulary.
    """

    input_multiple = 64
    takes_any_aspect = False

    def __init__(self, model: GroundingDinoForObjectDetection, prompt_tokens: tuple[int, ...]) -> None:
        super().__init__()
        self.model = model
        self._bf16 = False
        self.width = model.config.d_model
        self.levels = model.config.num_feature_levels
        self.shallow_channels = model.config.backbone_config.embed_dim  # type: ignore[union-attr]
        encoder = model.model.backbone.conv_encoder
        encoder.model = _ShallowFeatures(encoder.model)
        model.model.text_backbone = _FixedText.of_prompt(model.model.text_backbone, prompt_tokens)
        self._phrase = [index for index, token in enumerate(prompt_tokens) if token not in _SPECIAL_TOKENS]
        pixels = torch.tensor([_PIXEL_MEAN, _PIXEL_STD]).view(2, 3, 1, 1)
        self.register_buffer("pixel_statistics", pixels, persistent=False)
        self.register_buffer("prompt_tokens", torch.tensor([prompt_tokens]), persistent=False)
        self.pixel_statistics: Tensor
        self.prompt_tokens: Tensor

    @classmethod
    def untrained(cls, preset: GroundingDinoPreset) -> "GroundingDinoDetector":
        """With random weights, to load trained weights of the whole model into."""
        configuration = GroundingDinoConfig(
            d_model=preset.width,
            decoder_layers=preset.decoder_layers,
            num_queries=preset.queries,
            attn_implementation="eager",  # type: ignore[call-arg]
        )
        return cls(GroundingDinoForObjectDetection(configuration), preset.prompt_tokens)

    @classmethod
    def pretrained(cls, preset: GroundingDinoPreset) -> "GroundingDinoDetector":
        """With the published weights.

        Raises
        ------
        FileNotFoundError
            If they can be neither read nor downloaded.
        """
        try:
            model = GroundingDinoForObjectDetection.from_pretrained(preset.weights, attn_implementation="eager")
        except OSError as error:
            raise FileNotFoundError(
                f"cannot load the detector's weights from {preset.weights!r} ({str(error).splitlines()[0]}): "
                "download them where there is a network, with `hf download IDEA-Research/grounding-dino-tiny "
                "--local-dir DIR`, and give DIR as detector_weights"
            ) from error
        return cls(model, preset.prompt_tokens)

    def compute_in_bf16(self) -> None:
        """Run the whole detector in bf16."""
        self._bf16 = True

    def forward(self, image: Tensor) -> DetectorOutput:
        mean, std = self.pixel_statistics
        with in_bf16(self._bf16, image):
            output = self.model(
                pixel_values=(image.flip(1) - mean) / std,
                input_ids=self.prompt_tokens.expand(len(image), -1),
            )
        backbone = self.model.model.backbone.conv_encoder.model
        shallow_features, backbone.shallow_features = backbone.shallow_features, None
        return DetectorOutput(
            shallow_features=shallow_features,
            encoder_features=self._unflatten(output.encoder_last_hidden_state_vision, image.shape[-1]),
            first_queries=output.intermediate_hidden_states[:, 0],
            last_queries=output.intermediate_hidden_states[:, -1],
            boxes=output.pred_boxes,
            logits=output.logits[..., self._phrase].amax(dim=-1),
        )

    def _unflatten(self, tokens: Tensor, image_size: int) -> tuple[Tensor, ...]:
        """(B, sum of h w over the levels, D) -> one map (B, D, h, w) per level."""
        sides = [image_size // 8 // 2**level for level in range(self.levels)]
        maps = torch.split(tokens.transpose(1, 2), [side * side for side in sides], dim=-1)
        return tuple(flat.unflatten(-1, (side, side)) for flat, side in zip(maps, sides, strict=True))  # type: ignore[no-untyped-call]


class _ShallowFeatures(nn.Module):
    """The backbone, which also stores the features of its first stage; the encoder takes only later stages."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.shallow_features: Tensor | None = None

    def forward(self, image: Tensor, return_dict: bool) -> object:
        output = self.backbone(image, output_hidden_states=True, return_dict=return_dict)
        first_stage = output.hidden_states[1]
        # The later stages have layer norms with learnt parameters; for this stage none are published.
        normalised = F.layer_norm(first_stage.movedim(1, -1), first_stage.shape[1:2])
        self.shallow_features = normalised.movedim(-1, 1)
        return output


@dataclass(frozen=True)
class _TextFeatures:
    last_hidden_state: Tensor


class _FixedText(nn.Module):
    """Replaces the text backbone by its output for one prompt."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.register_buffer("features", features)
        self.features: Tensor

    @classmethod
    @torch.no_grad()
    def of_prompt(cls, backbone: nn.Module, tokens: tuple[int, ...]) -> "_FixedText":
        """Run the text backbone once, with attention restricted to phrases, as the library does."""
        text = torch.tensor([tokens])
        special = torch.tensor(_SPECIAL_TOKENS)
        attention_mask, positions = generate_masks_with_special_tokens_and_transfer_map(text, special)  # type: ignore[arg-type]
        output = backbone.eval()(text, attention_mask[:, None], torch.zeros_like(text), positions)
        return cls(output.last_hidden_state)

    def forward(self, tokens: Tensor, *_: object, **__: object) -> _TextFeatures:
        return _TextFeatures(self.features.expand(len(tokens), -1, -1))
