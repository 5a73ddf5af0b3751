"""The input sizes that a network accepts, and the best one for an image."""

from dataclasses import dataclass
from typing import Final

_MAX_SIDE: Final[float] = 1.5
"""In sides of the square. In a longer input, hands are smaller than any in the training images."""
_MIN_CELLS: Final[int] = 2
"""Along a side of the coarsest feature map: bilinear sampling needs two."""


@dataclass(frozen=True)
class InputSize:
    """Height and width of an input in pixels."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


@dataclass(frozen=True)
class InputSizes:
    """The input sizes that a network accepts: a square, and rectangles with at most as many pixels."""

    side: int
    """Side of the square in pixels."""
    multiple: int
    """Height and width are multiples of this; equal to `side` if the network accepts the square only."""

    def __post_init__(self) -> None:
        if self.side < 1 or self.multiple < 1 or self.side % self.multiple:
            raise ValueError(
                f"the input's side must be a positive multiple of {self.multiple} pixels, got {self.side} pixels"
            )

    @property
    def square_only(self) -> bool:
        """Whether the square is the only size."""
        return self.multiple == self.side

    def __str__(self) -> str:
        if self.square_only:
            return f"{self.side} x {self.side} pixels"
        return f"as many pixels as {self.side} x {self.side}"

    def for_image(self, width: int, height: int) -> InputSize:
        """The size in which an image of `width` x `height` pixels has the largest scale; if several, the smallest.

        Padding costs as much time as image: in 512 x 288 pixels an image of 1280 x 720 is a third larger than in
        384 x 384, for the same number of pixels.
        """
        square = self.side // self.multiple
        min_cells, max_cells = min(_MIN_CELLS, square), int(_MAX_SIDE * square)
        candidates = []
        for rows in range(min_cells, min(max_cells, square**2 // min_cells) + 1):
            columns_filled = -(-rows * width // height)
            candidates.append((rows, max(min_cells, min(columns_filled, max_cells, square**2 // rows))))
        rows, columns = max(candidates, key=lambda size: (min(size[0] / height, size[1] / width), -size[0] * size[1]))
        return InputSize(rows * self.multiple, columns * self.multiple)
