"""Which size of the network's input suits a picture."""

from dataclasses import dataclass
from typing import Final

_LONGEST_SIDE: Final[float] = 1.5
"""In sides of the square: hands in a picture that is longer are smaller than any that the network was trained on."""
_FEWEST_CELLS: Final[int] = 2
"""Along a side of the coarsest feature map: features are read between neighbours."""


@dataclass(frozen=True)
class InputSize:
    """Height and width of an input in pixels."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


@dataclass(frozen=True)
class InputSizes:
    """The sizes of input that a network takes: a square, and other rectangles of at most as many pixels."""

    side: int
    """Of the square, in pixels."""
    multiple: int
    """Sides are multiples of this; of the square's side where a network takes the square only."""

    def __post_init__(self) -> None:
        if self.side < 1 or self.multiple < 1 or self.side % self.multiple:
            raise ValueError(f"the input's side must be a multiple of its step, got {self.side} and {self.multiple}")

    @property
    def are_fixed(self) -> bool:
        """Whether there is only the square."""
        return self.multiple == self.side

    def __str__(self) -> str:
        if self.are_fixed:
            return f"{self.side} x {self.side} pixels"
        return f"as many pixels as {self.side} x {self.side}"

    def fitting(self, picture_width: int, picture_height: int) -> InputSize:
        """The input in which a picture is the largest, and of several such the smallest.

        Padding costs as much time as picture: in 512 x 288 pixels a picture of 1280 x 720 is a third larger than in
        384 x 384, at the price of the same number of pixels.
        """
        most = self.side // self.multiple
        fewest, longest = min(_FEWEST_CELLS, most), int(_LONGEST_SIDE * most)
        cells = []
        for rows in range(fewest, min(longest, most**2 // fewest) + 1):
            filled = -(-rows * picture_width // picture_height)
            cells.append((rows, max(fewest, min(filled, longest, most**2 // rows))))
        rows, columns = max(
            cells, key=lambda cell: (min(cell[0] / picture_height, cell[1] / picture_width), -cell[0] * cell[1])
        )
        return InputSize(rows * self.multiple, columns * self.multiple)
