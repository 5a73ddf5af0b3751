"""`CameraIntrinsics`: the pinhole model of a camera."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array

_FILE_FORMAT = '{"fx": 600.0, "fy": 600.0, "cx": 319.5, "cy": 239.5}, in pixels of the images'


@dataclass(frozen=True)
class CameraIntrinsics:
    """Pinhole camera: a point (x, y, z) of the optical frame projects to (fx x / z + cx, fy y / z + cy).

    Parameters
    ----------
    fx, fy
        Focal lengths in pixels, > 0.
    cx, cy
        Principal point in pixels. The centre of the top-left pixel is (0, 0), as in ROS and OpenCV.

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
        """Assume square pixels, a centred principal point and a view of `degrees` along the longer side."""
        if not 1.0 <= degrees <= 179.0:
            raise ValueError(f"field of view must be between 1 and 179 degrees, got {degrees}")
        focal = 0.5 * max(width, height) / np.tan(np.radians(degrees) / 2)
        return cls(float(focal), float(focal), (width - 1) / 2, (height - 1) / 2)

    @classmethod
    def from_matrix(cls, matrix: npt.NDArray[np.floating]) -> "CameraIntrinsics":
        """Read focal lengths and principal point from a camera matrix (3, 3); skew is ignored."""
        return cls(float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2]))

    @property
    def matrix(self) -> Float64Array:
        """(3, 3) camera matrix K."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])


def read_intrinsics(path: Path) -> CameraIntrinsics:
    """Read a JSON file ``{"fx": ..., "fy": ..., "cx": ..., "cy": ...}``.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If its content is invalid.
    """
    if not path.is_file():
        raise FileNotFoundError(f"camera file {path} does not exist: create one like {_FILE_FORMAT}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return CameraIntrinsics(**{name: float(value) for name, value in values.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"camera file {path} cannot be used ({error}): expected {_FILE_FORMAT}") from error
