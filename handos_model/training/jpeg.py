"""What JPEG leaves of images, on any device: baseline, chroma at half the resolution (ITU-T T.81, JFIF)."""

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
"""Steps of the coefficients of brightness at quality 50: ITU-T T.81, table K.1."""
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
"""Table K.2, of colour."""


_YCC_FROM_BGR = ((0.114, 0.587, 0.299), (0.5, -0.3313, -0.1687), (-0.0813, -0.4187, 0.5))
"""JFIF: brightness, and what blue and red have more than it."""
_BGR_FROM_YCC = ((1.0, 1.772, 0.0), (1.0, -0.3441, -0.7141), (1.0, 0.0, 1.402))


def compress(images: Tensor, quality: Tensor) -> Tensor:
    """Write and read images as JPEG.

    Parameters
    ----------
    images
        (B, 3, H, W) BGR 0..1, H and W multiples of 16.
    quality
        (B,) 1 to 100, as the Independent JPEG Group's library counts.

    Returns
    -------
    Tensor
        (B, 3, H, W)
    """
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None, None, None, None]
    colours = _constant(_YCC_FROM_BGR, images.device)
    planes = torch.einsum("pc,bchw->bphw", colours, 255 * images)
    luma = _round_coefficients(planes[:, :1] - 128, _constant(_LUMA, images.device), percent) + 128
    chroma = _round_coefficients(F.avg_pool2d(planes[:, 1:], 2), _constant(_CHROMA, images.device), percent)
    whole = F.interpolate(chroma, scale_factor=2.0, mode="bilinear")
    shown = torch.einsum("cp,bphw->bchw", _constant(_BGR_FROM_YCC, images.device), torch.cat([luma, whole], dim=1))
    return (shown / 255).clamp(0, 1)


def _round_coefficients(planes: Tensor, table: Tensor, percent: Tensor) -> Tensor:
    """Cosine transform of every block of 8 x 8, rounding to the table's steps, and back."""
    cosines = _cosines(planes.device)
    steps = ((table * percent + 50) / 100).floor().clamp(1, 255)
    blocks = planes.reshape(*planes.shape[:2], -1, _BLOCK, planes.shape[-1] // _BLOCK, _BLOCK).transpose(-2, -3)
    coefficients = cosines @ blocks @ cosines.T
    rounded = (coefficients / steps).round() * steps
    return (cosines.T @ rounded @ cosines).transpose(-2, -3).flatten(-2).flatten(-3, -2)


# To send constants to a GPU in every step would make the host wait for it.
@cache
def _constant(values: tuple[tuple[float, ...], ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)


@cache
def _cosines(device: torch.device) -> Tensor:
    """(8, 8) orthonormal discrete cosine transform: row u holds the u-th frequency."""
    frequency, place = torch.arange(_BLOCK)[:, None], torch.arange(_BLOCK)
    waves = torch.cos((2 * place + 1) * frequency * math.pi / (2 * _BLOCK)) * math.sqrt(2 / _BLOCK)
    waves[0] /= math.sqrt(2)
    return waves.to(device)
