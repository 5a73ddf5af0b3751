"""Samples of 10, 12 or 14 bits in containers of 16: which 8 bits of them an image is made of.

Cameras put short samples at the lower or the upper end of the 16 bits, and neither messages nor files say which. The
samples do: the signal's bits are the fewest that hold the largest sample. Dark scenes seem to have fewer bits than they
have. So a camera's bits are kept over its images and only rise, on a sample brighter than all before: brightness then
changes a few times at most, and never back.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

SIGNAL_BITS: Final = (8, 10, 12, 14, 16)
"""Bits that a signal may be found to have. Sensors have no odd numbers of them."""


class SignalRange:
    """The bits of one camera's samples.

    Parameters
    ----------
    bits
        8..16 if they are known; 0: find them out from the images.
    """

    def __init__(self, bits: int = 0) -> None:
        self._is_known = bits > 0
        self.bits = bits
        """Found so far, counted from the lowest; 0: no sample of 16 bits has been seen."""

    def to_eight_bits(self, samples: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
        """The upper 8 of the signal's bits; samples beyond a known range are white."""
        if not self._is_known and samples.size:
            self.bits = max(self.bits, bits_of(int(samples.max())))
        shifted = samples >> max(self.bits - 8, 0)
        return (np.minimum(shifted, 255) if self._is_known else shifted).astype(np.uint8)


def bits_of(largest: int) -> int:
    """The fewest bits of a sensor that hold this sample."""
    return next(bits for bits in SIGNAL_BITS if largest < 1 << bits)
