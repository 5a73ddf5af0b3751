"""All textures of a process in one flat buffer, which compiled code reads by offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numba
import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import ImageArray, IntArray

MIP_LEVELS = 3
"""Each texture is stored at full, half and quarter size, to avoid aliasing on distant surfaces."""

_LINEAR: Final = ((np.arange(256) / 255) ** 2).astype(np.float32)
"""Of each gamma-encoded grey level."""


@dataclass(frozen=True)
class TextureBank:
    """Textures by number; each has `MIP_LEVELS` consecutive rows in `table`."""

    pixels: npt.NDArray[np.uint8]
    """(n,) all textures' BGR bytes."""
    table: npt.NDArray[np.int64]
    """(T * MIP_LEVELS, 3) offset, width, height."""
    means: npt.NDArray[np.float32]
    """(T, 3) mean colour, linear BGR."""

    @classmethod
    def pack(cls, images: Sequence[ImageArray], masks: Sequence[npt.NDArray[np.bool_] | None]) -> "TextureBank":
        """Pack images; a mask selects the pixels that count towards the mean colour."""
        rows, chunks, means, offset = [], [], [], 0
        for image, mask in zip(images, masks, strict=True):
            means.append(cv2.mean(cv2.LUT(image, _LINEAR), None if mask is None else mask.astype(np.uint8))[:3])
            for level in range(MIP_LEVELS):
                size = (max(1, image.shape[1] >> level), max(1, image.shape[0] >> level))
                scaled = image if level == 0 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
                rows.append((offset, *size))
                chunks.append(np.ascontiguousarray(scaled, np.uint8).reshape(-1))
                offset += scaled.size
        return cls(np.concatenate(chunks), np.array(rows, np.int64), np.array(means, np.float32))


def used_texels(uv: npt.NDArray[np.float32], face_uv: IntArray, image: ImageArray) -> npt.NDArray[np.bool_]:
    """(H, W) mask of the texels that faces with texture coordinates `uv` (U, 2), v down, use."""
    height, width = image.shape[:2]
    corners = np.stack([uv[..., 0] * width, uv[..., 1] * height], axis=-1)[face_uv]
    mask = np.zeros((height, width), np.uint8)
    for triangle in corners.round().astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask.astype(bool)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def sample_textures(texels, table, rows, uv):  # type: ignore[no-untyped-def]
    """Colours (3, N) of textures, bilinear, BGR 0..1; textures repeat.

    Parameters
    ----------
    texels, table
        `pixels` and `table` of a `TextureBank`.
    rows, uv
        (N,) row of the table, and (2, N) texture coordinates.
    """
    colours = np.empty((3, len(rows)), np.float32)
    one, half, scale = np.float32(1), np.float32(0.5), np.float32(1 / 255)
    for n in range(len(rows)):
        start, width, height = table[rows[n], 0], table[rows[n], 1], table[rows[n], 2]
        x = (uv[0, n] - np.floor(uv[0, n])) * np.float32(width) - half
        y = (uv[1, n] - np.floor(uv[1, n])) * np.float32(height) - half
        x0, y0 = int(np.floor(x)), int(np.floor(y))
        dx, dy = x - np.float32(x0), y - np.float32(y0)
        x1, y1 = (x0 + 1 if x0 + 1 < width else 0), (y0 + 1 if y0 + 1 < height else 0)
        x0, y0 = (x0 if x0 >= 0 else width - 1), (y0 if y0 >= 0 else height - 1)
        p00, p01 = start + 3 * (y0 * width + x0), start + 3 * (y0 * width + x1)
        p10, p11 = start + 3 * (y1 * width + x0), start + 3 * (y1 * width + x1)
        w00, w01, w10, w11 = (one - dx) * (one - dy), dx * (one - dy), (one - dx) * dy, dx * dy
        for c in range(3):
            top = w00 * np.float32(texels[p00 + c]) + w01 * np.float32(texels[p01 + c])
            bottom = w10 * np.float32(texels[p10 + c]) + w11 * np.float32(texels[p11 + c])
            colours[c, n] = (top + bottom) * scale
    return colours
