"""Photometric augmentation: exposure, white balance, sharpness, noise and compression of training images."""

import torch
import torch.nn.functional as F
from torch import Tensor

from handos_model.training.jpeg import compress

_GREY, _BLURRED, _NOISY, _COMPRESSED = 0.1, 0.3, 0.3, 0.2
"""Fractions of a batch."""
_KERNEL_SIZE = 9
"""Side of a blur kernel in pixels."""


def augment_colours(images: Tensor, generator: torch.Generator) -> Tensor:
    """Vary exposure, white balance, sharpness, noise and compression of each image (B, 3, H, W) BGR 0..1."""
    images = _vary_tones(images, generator)
    augmentations = ((_GREY, _to_grey), (_BLURRED, _blur), (_NOISY, _add_noise), (_COMPRESSED, _compress))
    for fraction, augment in augmentations:
        # A fixed number of randomly chosen images: every batch has the same shapes.
        order = torch.rand(len(images), generator=generator, device=images.device).argsort()
        chosen = order[: round(fraction * len(images))]
        if len(chosen):
            images = images.index_copy(0, chosen, augment(images[chosen], generator))
    return images.clamp(0, 1)


def _vary_tones(images: Tensor, generator: torch.Generator) -> Tensor:
    """Gamma, exposure, white balance and contrast."""
    normal = torch.randn((6, len(images), 1, 1, 1), generator=generator, device=images.device)
    gamma, contrast = torch.exp(0.25 * normal[0]), torch.exp(0.15 * normal[1])
    gain = torch.exp(0.2 * normal[2] + 0.07 * normal[3:6, :, 0].permute(1, 0, 2, 3))
    return ((images**gamma * gain - 0.5) * contrast + 0.5).clamp(0, 1)


def _to_grey(images: Tensor, _generator: torch.Generator) -> Tensor:
    # The weights of BT.601's luma, for blue, green and red.
    luma = 0.114 * images[:, 0] + 0.587 * images[:, 1] + 0.299 * images[:, 2]
    return luma[:, None].expand_as(images)


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Defocus or motion blur."""
    kernels = _draw_kernels(len(images), generator, images.device).repeat_interleave(3, dim=0)
    padded = F.pad(images, (_KERNEL_SIZE // 2,) * 4, mode="replicate").flatten(0, 1)[None]
    return F.conv2d(padded, kernels[:, None], groups=len(kernels)).reshape(images.shape)


def _draw_kernels(count: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """(count, 9, 9): Gaussians, and lines of random length and direction."""
    uniform = torch.rand((4, count, 1, 1), generator=generator, device=device)
    offsets = torch.arange(_KERNEL_SIZE, device=device) - _KERNEL_SIZE // 2
    x, y = offsets[None, None, :], offsets[None, :, None]
    spread = 0.4 + 1.1 * uniform[0]
    gaussian = torch.exp(-(x * x + y * y) / (2 * spread.square()))
    angle, length = torch.pi * uniform[1], 3 + 4 * uniform[2]
    along, across = x * torch.cos(angle) + y * torch.sin(angle), y * torch.cos(angle) - x * torch.sin(angle)
    line = (1 - across.abs()).clamp(min=0) * (length / 2 + 0.5 - along.abs()).clamp(0, 1)
    kernels = torch.where(uniform[3] < 0.5, gaussian, line)
    return kernels / kernels.sum(dim=(1, 2), keepdim=True)


def _add_noise(images: Tensor, generator: torch.Generator) -> Tensor:
    deviation = 2 + 10 * torch.rand((len(images), 1, 1, 1), generator=generator, device=images.device)
    return images + deviation / 255 * torch.randn(images.shape, generator=generator, device=images.device)


def _compress(images: Tensor, generator: torch.Generator) -> Tensor:
    quality = 25 + 55 * torch.rand(len(images), generator=generator, device=images.device)
    return compress(images, quality)
