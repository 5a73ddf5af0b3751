"""`Frame`: one image of a source with its time."""

from dataclasses import dataclass

from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.geometry.camera_info import Calibration


class SourceError(ValueError):
    """A source has no readable images, or fewer than it should have."""


@dataclass(frozen=True)
class RecordedHeader:
    """The header of an image message in a bag."""

    stamp: int
    """Nanoseconds; exact, unlike `Frame.stamp`, but not always increasing."""
    frame_id: str
    """The camera's optical frame."""


@dataclass(frozen=True)
class Frame:
    """One image of a source."""

    image: ImageArray
    """(H, W, 3) BGR."""
    source: str
    """Path, address or device that the image comes from; of a bag PATH:TOPIC."""
    index: int
    """Position in the source, from 0. Unreadable images of a folder or bag are counted, lost frames of a video are
    not."""
    stamp: float
    """Seconds since the start of a video, or the acquisition time of a live camera or of an image in a bag; 0 for
    images without time. Within a source with times they increase strictly."""
    calibration: Calibration | None = None
    """From the camera_info in a bag."""
    depth: FloatArray | None = None
    """(H, W) metres along z, aligned with the image; 0 or NaN where nothing was measured."""
    header: RecordedHeader | None = None
    """``None`` unless the image comes from a bag."""
