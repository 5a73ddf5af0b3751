"""`Frame`: one image of a source with its time."""

from dataclasses import dataclass

from handos_model.geometry.arrays import ImageArray


class SourceError(ValueError):
    """A source has no readable images, or fewer than it should have."""


@dataclass(frozen=True)
class Frame:
    """One image of a source."""

    image: ImageArray
    """(H, W, 3) BGR."""
    source: str
    """Path, address or device that the image comes from."""
    index: int
    """Position in the source, from 0. Unreadable images of a folder are counted, lost frames of a video are not."""
    stamp: float
    """Seconds since the start of a recording, or the acquisition time of a live camera; 0 for images without time.
    Within a source with times they increase strictly."""
