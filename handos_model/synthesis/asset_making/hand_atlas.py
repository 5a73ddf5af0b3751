"""The layout of the hand's texture: the hand and the forearm, cut from the layout of the base mesh's texture."""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import FloatArray

ATLAS_SIZE: Final = 3072
"""Side of the base mesh's whole texture at the scale of the hand's: about 1400 texels per metre of skin."""
_MARGIN: Final = 10
_FOREARM_ABOVE: Final = 0.5
"""The forearm is in the upper half of the base mesh's texture, the hand in the lower."""

Image = TypeVar("Image", bound=npt.NDArray[np.generic])


@dataclass(frozen=True)
class HandAtlas:
    """Two windows of the base mesh's texture, side by side."""

    corners: tuple[tuple[int, int], tuple[int, int]]
    """Left and upper texel of the window of the hand and of the forearm."""
    sizes: tuple[tuple[int, int], tuple[int, int]]
    """Their widths and heights."""

    @classmethod
    def around(cls, uv: FloatArray) -> "HandAtlas":
        """The atlas for texture coordinates (U, 2) of the base mesh, v up."""
        corners, sizes = [], []
        for shown in (uv[:, 1] < _FOREARM_ABOVE, uv[:, 1] >= _FOREARM_ABOVE):
            texels = np.stack([uv[shown, 0], 1 - uv[shown, 1]], axis=1) * ATLAS_SIZE
            low = np.maximum(np.floor(texels.min(axis=0)).astype(int) - _MARGIN, 0)
            high = np.minimum(np.ceil(texels.max(axis=0)).astype(int) + _MARGIN, ATLAS_SIZE)
            corners.append((int(low[0]), int(low[1])))
            sizes.append((int(high[0] - low[0]), int(high[1] - low[1])))
        return cls((corners[0], corners[1]), (sizes[0], sizes[1]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the texture."""
        (first_width, first_height), (second_width, second_height) = self.sizes
        return first_width + second_width, max(first_height, second_height)

    def place(self, uv: FloatArray) -> FloatArray:
        """(U, 2) coordinates in the hand's texture for those in the base mesh's, v up in both."""
        texels = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1) * ATLAS_SIZE
        of_hand = (uv[:, 1] < _FOREARM_ABOVE)[:, None]
        shift = np.array([self.sizes[0][0], 0])
        placed = np.where(of_hand, texels - self.corners[0], texels - self.corners[1] + shift) / self.size
        return np.stack([placed[:, 0], 1 - placed[:, 1]], axis=1).astype(np.float32)

    def cut(self, image: Image) -> Image:
        """The hand's texture from a texture of the base mesh of `ATLAS_SIZE`."""
        width, height = self.size
        texture = np.zeros((height, width, *image.shape[2:]), image.dtype)
        left = 0
        for (x, y), (window_width, window_height) in zip(self.corners, self.sizes, strict=True):
            texture[:window_height, left : left + window_width] = image[y : y + window_height, x : x + window_width]
            left += window_width
        return texture  # type: ignore[return-value]  # of the image's type
