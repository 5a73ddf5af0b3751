"""`CameraIntrinsics`: the pinhole model of a camera."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from handos_model.geometry.arrays import Float64Array

_FILE_FORMAT = '{"fx": 600.0, "fy": 600.0, "cx": 319.5, "cy": 239.5}, in pixels of the images'
_VIEW: Final = (1.0, 175.0)
"""Degrees along the longer side of an image between which a camera is plausible."""
_MAX_ASPECT: Final = 4.0
"""Of fx and fy. Images with every second row left out have 2."""
_MAX_SHIFT: Final = 3.0
"""Distance of the principal point from the image's centre, in longer sides. Crops of an image lie far from it."""
_MAX_VALUE: Final = 1e7
"""Pixels: more than any camera has, and small enough for every later computation."""


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
        If a value is not finite or beyond ten million pixels, or a focal length is not positive.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        for name in ("fx", "fy", "cx", "cy"):
            value = getattr(self, name)
            if not abs(value) <= _MAX_VALUE or (name in ("fx", "fy") and value <= 0):
                raise ValueError(
                    f"camera intrinsics in pixels must be finite with fx, fy > 0 and at most {_MAX_VALUE:g}, got "
                    f"{name} = {value:g}: calibrate the camera, or give a field of view instead"
                )
            object.__setattr__(self, name, float(value))  # OpenCV refuses integers

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

    def require_plausible(self, width: int, height: int) -> None:
        """Raise ValueError if no camera takes images of `width` x `height` pixels with these intrinsics."""
        side = max(width, height)
        size = f"images of {width} x {height} pixels"
        for name, focal in (("fx", self.fx), ("fy", self.fy)):
            view = 2 * np.degrees(np.arctan(side / 2 / focal))
            if not _VIEW[0] <= view <= _VIEW[1]:
                raise ValueError(
                    f"{name} = {focal:g} pixels gives {size} a field of view of {view:.3g} degrees: calibrate the "
                    "camera; focal lengths are in pixels"
                )
        if not 1 / _MAX_ASPECT <= self.fx / self.fy <= _MAX_ASPECT:
            raise ValueError(f"fx = {self.fx:g} and fy = {self.fy:g} do not belong together: calibrate the camera")
        for name, value, centre in (("cx", self.cx, width / 2), ("cy", self.cy, height / 2)):
            if abs(value - centre) > _MAX_SHIFT * side:
                raise ValueError(
                    f"{name} = {value:g} pixels lies far outside of {size}: calibrate the camera; the principal point "
                    "is in pixels"
                )

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
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
        names = {entry.name for entry in fields(CameraIntrinsics)}
        if missing := sorted(names - values.keys()):
            raise ValueError(f"{', '.join(missing)} missing")
        if unknown := sorted(values.keys() - names):
            raise ValueError(f"unknown key {', '.join(unknown)}")
        return CameraIntrinsics(**{name: float(value) for name, value in values.items()})
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"camera file {path} cannot be used ({error}): expected {_FILE_FORMAT}") from error
