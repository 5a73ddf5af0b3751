"""All textures of a process in one flat buffer, which compiled code reads by offset."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import ImageArray, IntArray

MIP_LEVELS = 3
"""Each texture is stored at full, half and quarter size, to avoid aliasing on distant surfaces."""


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
            used = image if mask is None else image[mask]
            means.append(((used.reshape(-1, 3).astype(np.float32) / 255) ** 2).mean(axis=0))
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
