"""From any picture to the network's input, and the way back for pixels and intrinsics."""

from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.inference.input_size import InputSize
from handos_model.io.frame import CameraIntrinsics, ImageArray

PADDING_GREY: Final[int] = 114
"""Grey level around the picture; training pads with the same."""


@dataclass(frozen=True)
class Letterbox:
    """Where a picture lies inside the network's input.

    Both pixel grids have the centre of their top left pixel at (0, 0). The scales of the two axes differ slightly when
    a side is rounded to whole pixels.
    """

    image_width: int
    image_height: int
    scale_x: float
    """Input pixels per image pixel."""
    scale_y: float
    pad_x: int
    """Input columns left of the picture."""
    pad_y: int
    """Input rows above the picture."""

    @classmethod
    def of_image(cls, width: int, height: int, size: InputSize) -> "Letterbox":
        """Scale a `width` x `height` picture until it touches two sides of the input, and centre it."""
        scale = min(size.width / width, size.height / height)
        inner_width = max(1, round(width * scale))
        inner_height = max(1, round(height * scale))
        return cls(
            image_width=width,
            image_height=height,
            scale_x=inner_width / width,
            scale_y=inner_height / height,
            pad_x=(size.width - inner_width) // 2,
            pad_y=(size.height - inner_height) // 2,
        )

    @property
    def inner_size(self) -> tuple[int, int]:
        """Width and height of the scaled picture in input pixels."""
        return round(self.image_width * self.scale_x), round(self.image_height * self.scale_y)

    def to_input(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map (..., 2) image pixels to input pixels."""
        return (np.asarray(points, np.float64) + 0.5) * self._scale - 0.5 + self._pad

    def to_image(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map (..., 2) input pixels to image pixels."""
        return (np.asarray(points, np.float64) - self._pad + 0.5) / self._scale - 0.5

    def input_intrinsics(self, camera: CameraIntrinsics) -> CameraIntrinsics:
        """The camera that would have taken the input directly."""
        cx, cy = self.to_input((camera.cx, camera.cy))
        return CameraIntrinsics(camera.fx * self.scale_x, camera.fy * self.scale_y, float(cx), float(cy))

    @property
    def _scale(self) -> npt.NDArray[np.float64]:
        return np.array((self.scale_x, self.scale_y))

    @property
    def _pad(self) -> npt.NDArray[np.float64]:
        return np.array((self.pad_x, self.pad_y), np.float64)


def letterbox(image: ImageArray, size: InputSize) -> tuple[ImageArray, Letterbox]:
    """Scale a picture into the centre of a grey rectangle.

    Parameters
    ----------
    image
        (H, W, 3) BGR uint8.
    size
        Height H and width W of the rectangle in pixels.

    Returns
    -------
    tuple
        (1, H, W, 3) uint8 network input, and the mapping between its pixels and those of the image.
    """
    height, width = image.shape[:2]
    geometry = Letterbox.of_image(width, height, size)
    inner_width, inner_height = geometry.inner_size
    network_input = np.full((1, size.height, size.width, 3), PADDING_GREY, np.uint8)
    inner = network_input[0, geometry.pad_y :, geometry.pad_x :][:inner_height, :inner_width]
    _shrink_without_aliasing(np.ascontiguousarray(image), inner)
    return network_input, geometry


def _shrink_without_aliasing(image: ImageArray, target: ImageArray) -> None:
    """Resize `image` into `target`.

    Bilinear sampling alone skips pixels beyond a factor of 2: thin fingers flicker. Halving first (a 2 x 2 mean) looks
    like INTER_AREA and takes a quarter of its time (0.4 instead of 1.4 ms at 1280 x 720, 1.1 instead of 2.9 at
    1920 x 1080, one thread).
    """
    height, width = target.shape[:2]
    while max(image.shape[:2]) >= 2 * max(width, height):
        halves = ((image.shape[1] + 1) // 2, (image.shape[0] + 1) // 2)
        image = cast(ImageArray, cv2.resize(image, halves, interpolation=cv2.INTER_LINEAR))
    cv2.resize(image, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)
