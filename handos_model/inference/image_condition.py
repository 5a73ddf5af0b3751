"""Tells a camera that is covered, overexposed, out of focus or frozen from one that sees no hands.

One image per second is looked at, and of it about 40,000 pixels. Nothing is corrected: a user is told. The limits lie
outside of what 7,000 photographs and the demo clip have, and inside of what makes the network lose most hands.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from handos_model.geometry.arrays import FloatArray, ImageArray

PERIOD: Final = 1.0
"""Seconds between two images that are looked at."""
PERSISTENT: Final = 3
"""Images looked at in a row that must show a problem: a hand before the lens for a moment is none."""
FROZEN_AFTER: Final = 5
"""Seconds for which images must be identical. Noise tells every image of a real camera from the last."""

BLACK_LEVEL: Final = 3.0
DARK_LEVEL: Final = 12.0
"""Mean of 0..255. Photographs have at least 23; at a twelfth of their brightness, level 10, half of the hands are lost.
"""
LIT_LEVEL: Final = 40
LIT_FRACTION: Final = 0.02
"""A dark image with more than this fraction of pixels above `LIT_LEVEL` shows something: a lamp lights it in part."""
WHITE_LEVEL: Final = 250
WHITE_FRACTION: Final = 0.8
"""Of pixels with all colours above `WHITE_LEVEL`. Hands photographed on white have up to 0.72."""
BLURRED: Final = 0.07
"""Sharpness of photographs is at least 0.080. After a Gaussian blur of 2 % of the longer side, in which fingers run
into one another, that of 97 % of them is lower than this."""
LEAST_SHARPNESS: Final = 0.03
"""The smoothest image there is, a linear gradient, has 0.05: what is below is noise of several pixels."""
MIN_CONTRAST: Final = 16.0
"""Squared levels: what is less structured, such as a wall in uneven light, has no sharpness."""

_GRID: Final = 320
"""Pixels along the longer side at which sharpness is judged, as the network sees the image."""
_SKIPPED: Final = 4
"""Every so many rows and columns of that are looked at."""


@dataclass(frozen=True)
class ImageCondition:
    """What is known about the newest images of a camera."""

    level: float | None = None
    """Mean of the brightest colour, 0..255; ``None`` before the first image."""
    white: float = 0.0
    """Fraction of pixels that are overexposed."""
    lit: float = 0.0
    """Fraction of pixels that are not dark."""
    sharpness: float | None = None
    """From 0.05, no detail, up; ``None`` for an image without structure."""
    unchanged: int = 0
    """Seconds for which the images have been identical."""
    problem: str = ""
    """In words, with the remedy, once it persists; empty: none."""


class ImageMonitor:
    """Looks at the images of one camera, once per second."""

    def __init__(self) -> None:
        self.condition = ImageCondition()
        self._looked: float | None = None
        self._last: tuple[ImageArray, ImageArray] | None = None
        self._kind, self._repeated = "", 0

    def look_at(self, image: ImageArray, now: float) -> None:
        """Update `condition` if it is time.

        Parameters
        ----------
        image
            (H, W, 3) BGR.
        now
            Seconds of a steady clock.
        """
        if self._looked is not None and now - self._looked < PERIOD:
            return
        seconds = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        rows, columns = _sample(image)
        is_same = self._last is not None and all(map(np.array_equal, self._last, (rows, columns)))
        self._last = rows, columns
        unchanged = self.condition.unchanged + round(seconds) if is_same else 0
        seen = replace(_measure(rows, columns), unchanged=unchanged)
        kind, problem = _judge(seen)
        self._repeated = self._repeated + 1 if kind == self._kind else 1
        self._kind = kind
        self.condition = replace(seen, problem=problem if self._repeated >= PERSISTENT else "")


def _sample(image: ImageArray) -> tuple[ImageArray, ImageArray]:
    """Some rows and some columns (N, `_GRID`, 3) of the image."""
    step = max(1, round(max(image.shape[:2]) / _GRID))
    rows, columns = image[:: _SKIPPED * step, ::step], image[::step, :: _SKIPPED * step].transpose(1, 0, 2)
    return np.ascontiguousarray(rows), np.ascontiguousarray(columns)


def _measure(rows: ImageArray, columns: ImageArray) -> ImageCondition:
    levels = rows.reshape(-1, 3).mean(axis=0)
    # The brightest colour, because infrared cameras and lamps may fill only one of them.
    channel, darkest = int(np.argmax(levels)), int(np.argmin(levels))
    return ImageCondition(
        level=float(levels[channel]),
        white=float((rows[..., darkest] >= WHITE_LEVEL).mean()),
        lit=float((rows[..., channel] >= LIT_LEVEL).mean()),
        sharpness=_sharpness(rows[..., channel], columns[..., channel]),
    )


def _sharpness(rows: ImageArray, columns: ImageArray) -> float | None:
    """How much of the contrast between pixels is between close ones, along rows or columns, whichever is sharper."""
    found = [_sharpness_along(lines.astype(np.float32)) for lines in (rows, columns)]
    return max((sharpness for sharpness in found if sharpness is not None), default=None)


def _sharpness_along(lines: FloatArray) -> float | None:
    # Noise of single pixels adds the same to all three: their differences are free of it.
    at_1, at_2, at_8 = (_contrast(lines, distance) for distance in (1, 2, 8))
    if at_8 - at_2 <= max(MIN_CONTRAST, at_1):  # hardly any structure, or more noise than that
        return None
    sharpness = (at_2 - at_1) / (at_8 - at_2)
    return sharpness if sharpness > LEAST_SHARPNESS else None


def _contrast(lines: FloatArray, distance: int) -> float:
    """Mean squared difference of pixels at this distance."""
    differences = (lines[:, distance:] - lines[:, :-distance]).ravel()
    return float(differences @ differences) / max(len(differences), 1)


def _judge(seen: ImageCondition) -> tuple[str, str]:
    """Kind of the problem, and the problem in words."""
    level = seen.level or 0.0
    if level < DARK_LEVEL and seen.lit < LIT_FRACTION:
        how = "almost black" if level < BLACK_LEVEL else "very dark"
        return "dark", f"the image is {how} (mean level {level:.0f} of 255): check exposure, light, lens cap"
    if seen.white > WHITE_FRACTION:
        return "white", f"{seen.white:.0%} of the image is overexposed: check exposure and light"
    if seen.unchanged >= FROZEN_AFTER:
        return "frozen", (
            f"the images have been identical for {seen.unchanged} s: the camera or its driver has stopped, or nothing "
            "moves in a simulation"
        )
    if seen.sharpness is not None and seen.sharpness < BLURRED:
        return "blurred", f"the image is out of focus (sharpness {seen.sharpness:.3f}): focus or clean the lens"
    return "", ""
