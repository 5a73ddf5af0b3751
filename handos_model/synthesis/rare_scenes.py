"""How often frames show what is rare: gloves, held things, crowds, cameras on heads, darkness, infrared cameras."""

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True)
class RareScenes:
    """Probabilities, 0..1, per frame; with the default ones a frame is the same as without this option.

    Raises
    ------
    ValueError
        If a probability is not within 0..1, or `crowds` and `head_mounted` add up to more than 1.
    """

    gloves: float = 0.0
    """Hands in work gloves, surgical gloves or knitted ones."""
    crowds: float = 0.0
    """Three to six people with up to twelve small hands, instead of the usual scene."""
    darkness: float = 0.0
    """An exposure that is far too short or too long."""
    infrared: float = 0.0
    """A grey camera with a light of its own, which reaches only what is near."""
    head_mounted: float = 0.0
    """A camera on a person's head, which sees both of their hands, instead of the usual scene."""
    held: float = 0.0
    """Handles, cups, phones, papers and plates in hands."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= (value := getattr(self, field.name)) <= 1:
                raise ValueError(f"{field.name}: {value} is not a probability: give a number from 0 to 1")
        if self.crowds + self.head_mounted > 1:
            raise ValueError(
                f"crowds {self.crowds} and head_mounted {self.head_mounted} add up to more than 1, and no frame is "
                "both: lower one of them"
            )


USUAL_SCENES: Final = RareScenes()
