"""`Frame`: one image of a source with its time."""

from dataclasses import dataclass

from handos_model.geometry.arrays import ImageArray


@dataclass(frozen=True)
class Frame:
    """One image of a source."""

    image: ImageArray
    """(H, W, 3) BGR."""
    source: str
    """Path or device that the image comes from."""
    index: int
    """Position in the source, from 0."""
    stamp: float
    """Seconds since the start of a recording, or the acquisition time of a live camera."""
