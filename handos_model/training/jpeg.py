"""JPEG compression artefacts, on any device: baseline, chroma at half the resolution (ITU-T T.81, JFIF)."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 8
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Quantization steps of luma at quality 50: ITU-T T.81, table K.1."""
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)
"""The same of chroma: table K.2."""

_YCC_FROM_BGR = ((0.114, 0.587, 0.299), (0.5, -0.3313, -0.1687), (-0.0813, -0.4187, 0.5))
"""JFIF: Y, Cb and Cr of blue, green and red."""
_BGR_FROM_YCC = ((1.0, 1.772, 0.0), (1.0, -0.3441, -0.7141), (1.0, 0.0, 1.402))


def compress(images: Tensor, quality: Tensor) -> Tensor:
    """Compress images as JPEG and decompress them again.

    Parameters
    ----------
    images
        (B, 3, H, W) BGR 0..1, H and W multiples of 16.
    quality
        (B,) 1 to 100, on the scale of libjpeg.

    Returns
    -------
    Tensor
        (B, 3, H, W)
    """
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None, None, None, None]
    colours = _constant(_YCC_FROM_BGR, images.device)
    planes = torch.einsum("pc,bchw->bphw", colours, 255 * images)
    luma = _quantize(planes[:, :1] - 128, _constant(_LUMA, images.device), percent) + 128
    chroma = _quantize(F.avg_pool2d(planes[:, 1:], 2), _constant(_CHROMA, images.device), percent)
    full = F.interpolate(chroma, scale_factor=2.0, mode="bilinear")
    decoded = torch.einsum("cp,bphw->bchw", _constant(_BGR_FROM_YCC, images.device), torch.cat([luma, full], dim=1))
    return (decoded / 255).clamp(0, 1)


def _quantize(planes: Tensor, table: Tensor, percent: Tensor) -> Tensor:
    """Round the cosine coefficients of every 8 x 8 block to multiples of the table's steps."""
    cosines = _cosines(planes.device)
    steps = ((table * percent + 50) / 100).floor().clamp(1, 255)
    blocks = planes.reshape(*planes.shape[:2], -1, _BLOCK, planes.shape[-1] // _BLOCK, _BLOCK).transpose(-2, -3)
    coefficients = cosines @ blocks @ cosines.T
    rounded = (coefficients / steps).round() * steps
    return (cosines.T @ rounded @ cosines).transpose(-2, -3).flatten(-2).flatten(-3, -2)


# Cached: copying constants to a GPU at every step would synchronise with it.
@cache
def _constant(values: tuple[tuple[float, ...], ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)


@cache
def _cosines(device: torch.device) -> Tensor:
    """(8, 8) matrix of the orthonormal discrete cosine transform, one frequency per row."""
    frequency, position = torch.arange(_BLOCK)[:, None], torch.arange(_BLOCK)
    waves = torch.cos((2 * position + 1) * frequency * math.pi / (2 * _BLOCK)) * math.sqrt(2 / _BLOCK)
    waves[0] /= math.sqrt(2)
    return waves.to(device)
