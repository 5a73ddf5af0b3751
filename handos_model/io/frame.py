"""`Frame`: an image together with its time and the camera that took it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ImageArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class CameraIntrinsics:
    """Pinhole camera: a point (x, y, z) of the optical frame is seen at (fx x / z + cx, fy y / z + cy).

    Parameters
    ----------
    fx, fy
        Focal lengths in pixels, > 0.
    cx, cy
        Principal point in pixels. The centre of the top left pixel is (0, 0), as in ROS and OpenCV.

    Raises
    ------
    ValueError
        If a value is not finite or a focal length is not positive.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        if not np.isfinite([self.fx, self.fy, self.cx, self.cy]).all() or self.fx <= 0 or self.fy <= 0:
            raise ValueError(
                f"camera intrinsics must be finite with fx, fy > 0, got fx={self.fx}, fy={self.fy}, cx={self.cx}, "
                f"cy={self.cy}: calibrate the camera, or give a field of view instead"
            )

    @classmethod
    def from_field_of_view(cls, width: int, height: int, degrees: float) -> "CameraIntrinsics":
        """Assume square pixels, a centred principal point and `degrees` of view along the longer side."""
        if not 1.0 <= degrees <= 179.0:
            raise ValueError(f"field of view must lie in 1..179 degrees, got {degrees}")
        focal = 0.5 * max(width, height) / np.tan(np.radians(degrees) / 2)
        return cls(float(focal), float(focal), (width - 1) / 2, (height - 1) / 2)


@dataclass(frozen=True)
class Frame:
    """One image on its way through the program."""

    image: ImageArray
    """(H, W, 3) BGR."""
    source: str
    """Path or device it came from."""
    index: int
    """Position in the source, from 0."""
    stamp: float
    """Seconds: since the start of a recording, or acquisition time of a live camera."""
