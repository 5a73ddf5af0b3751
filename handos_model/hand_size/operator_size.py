"""`OperatorSize`: how large a person's hands are, how certain that is and how it was learned."""

import datetime
import math
import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from handos_model.hand_size.palm import ASSUMED_PALM_LENGTH

Source = Literal["typed", "depth"]
"""From a ruler, or from depth images."""

MIN_PALM_LENGTH: Final = 0.05
"""Metres: a small child's."""
MAX_PALM_LENGTH: Final = 0.16
TYPED_SIGMA: Final = 0.003
"""Metres: assumed for a ruler held to creases that are millimetres wide."""
_NAME: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class OperatorSize:
    """The size of both hands of one person.

    Raises
    ------
    ValueError
        If a field cannot be true.
    """

    name: str
    """The operator's."""
    palm_length: float
    """Metres: see `hand_size.palm`."""
    sigma: float
    """Metres, standard deviation of `palm_length`."""
    images: int
    """Number of hands in images that it was learned from; 0 if it was typed."""
    source: Source
    """How it was learned."""
    date: datetime.date
    """When."""

    def __post_init__(self) -> None:
        require_operator_name(self.name)
        require_palm_length(self.palm_length)
        if not 0 < self.sigma < math.inf:
            raise ValueError(f"sigma is {self.sigma} m: it must be positive")
        if self.images < 0:
            raise ValueError(f"images is {self.images}: it must not be negative")
        if self.source not in get_args(Source):
            raise ValueError(f"source is {self.source!r}: it must be one of {', '.join(get_args(Source))}")

    @classmethod
    def typed(cls, name: str, palm_length: float) -> "OperatorSize":
        """A size measured with a ruler, in metres."""
        return cls(name, palm_length, TYPED_SIGMA, 0, "typed", datetime.date.today())

    @property
    def scale(self) -> float:
        """Factor by which this person's hands are larger than the network assumes."""
        return self.palm_length / ASSUMED_PALM_LENGTH

    def __str__(self) -> str:
        """For logs."""
        how = "typed" if self.source == "typed" else f"from depth, {self.images} measurements"
        return f"palm of {self.name} {1000 * self.palm_length:.1f} +- {1000 * self.sigma:.1f} mm ({how}, {self.date})"


def require_operator_name(name: str) -> None:
    """Raise ValueError if this cannot name an operator: it becomes the name of a file."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"operator {name!r} is no name: give up to 64 letters, digits, hyphens and underscores, a letter or digit "
            "first"
        )


def require_palm_length(metres: float) -> None:
    """Raise ValueError if no hand has this palm length."""
    if not MIN_PALM_LENGTH <= metres <= MAX_PALM_LENGTH:
        raise ValueError(
            f"palm length {metres:g} m is no hand's: measure from the crease of the wrist to the crease at the base of "
            f"the middle finger and give metres, {MIN_PALM_LENGTH:g}..{MAX_PALM_LENGTH:g} (10.4 cm are 0.104)"
        )
