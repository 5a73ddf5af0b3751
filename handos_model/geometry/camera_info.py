"""What a ROS camera_info message says of a camera: intrinsics and lens, or why it cannot be used.

Messages of rclpy and of recordings have the same fields, and both are read: nothing here needs ROS.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

import numpy as np

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion, LensModel

_LENS_MODELS: Final[dict[str, LensModel]] = {
    "plumb_bob": "radial_tangential",
    "rational_polynomial": "radial_tangential",
    "equidistant": "fisheye",
}
"""Names of `CameraInfo.distortion_model` (sensor_msgs/distortion_models.hpp)."""
_NO_LENS: Final = ("", "none", "pinhole", "perspective")
"""What drivers without a distortion model call it."""
_ROUNDING: Final = 1
"""Pixels by which the size of an image may differ from its camera_info's: less than a calibration is off by."""


class CameraInfo(Protocol):
    """The fields of sensor_msgs/CameraInfo that are read."""

    width: int
    height: int
    distortion_model: str
    d: Any
    k: Any
    p: Any
    binning_x: int
    binning_y: int
    roi: Any
    """sensor_msgs/RegionOfInterest."""


@dataclass(frozen=True)
class Calibration:
    """Intrinsics and lens of an image."""

    camera: CameraIntrinsics
    lens: LensDistortion | None = None
    """``None``: no distortion."""


class CameraInfoError(ValueError):
    """A camera_info cannot be used: why, and what to do."""


def calibration_from_camera_info(info: CameraInfo, width: int, height: int, *, rectified: bool) -> Calibration:
    """Read K and D, or P, for the pixels of the image: binning and region of interest are applied.

    Parameters
    ----------
    info
        The camera's message.
    width, height
        Of the image in pixels.
    rectified
        Whether the image has been rectified: then P applies, and there is no lens distortion.

    Raises
    ------
    CameraInfoError
        If the camera is not calibrated or the message belongs to images of another size.
    """
    matrix, name, columns = (info.p, "P", 4) if rectified else (info.k, "K", 3)
    if matrix[0] == 0:
        raise CameraInfoError(f"its {name}[0] is 0, so the camera is not calibrated: calibrate it")
    if not np.isfinite(matrix).all():
        raise CameraInfoError(f"its {name} is not finite: {[float(value) for value in matrix]}; calibrate the camera")
    window = _window_of_image(info, width, height)
    try:
        sensor = CameraIntrinsics(matrix[0], matrix[columns + 1], matrix[2], matrix[columns + 2])
        size = info.width or window.width, info.height or window.height
        sensor.require_plausible(*size)
        lens = None if rectified else _lens(info)
        if lens is not None:
            _require_plausible_lens(lens, sensor, *size)
        return Calibration(window.intrinsics(sensor), lens)
    except ValueError as error:
        raise CameraInfoError(str(error)) from error


class CalibrationReader:
    """Reads the camera_info messages of one camera, which mostly repeat: the same one is checked once."""

    def __init__(self) -> None:
        self._content: tuple[Any, ...] | None = None
        self._calibration: Calibration | None = None

    def read(self, info: CameraInfo, width: int, height: int, *, rectified: bool) -> Calibration:
        """As `calibration_from_camera_info`."""
        content = (*_content(info), width, height, rectified)
        if self._calibration is None or self._content != content:
            self._calibration = None
            self._calibration = calibration_from_camera_info(info, width, height, rectified=rectified)
            self._content = content
        return self._calibration


def camera_info_beside(image_topic: str) -> str:
    """Name of the camera_info of a raw image topic: beside it, as image_transport has it."""
    return f"{image_topic.rpartition('/')[0]}/camera_info"


def is_rectified(image_topic: str) -> bool:
    """Whether the images of a raw image topic have been rectified, by its name."""
    return image_topic.rpartition("/")[2].startswith("image_rect")


def _content(info: CameraInfo) -> tuple[Any, ...]:
    """Everything but the header, to compare."""
    roi = info.roi
    return (
        *(info.k.tobytes(), info.p.tobytes(), tuple(info.d), info.distortion_model),
        *(info.width, info.height, info.binning_x, info.binning_y),
        *(roi.x_offset, roi.y_offset, roi.width, roi.height),
    )


@dataclass(frozen=True)
class _Window:
    """The part of the sensor that an image shows, in pixels of the sensor, and how many of them make one of its own."""

    x: int
    y: int
    width: int
    height: int
    x_binning: int
    y_binning: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image, in its own pixels."""
        return self.width // self.x_binning, self.height // self.y_binning

    def differs_by(self, width: int, height: int) -> int:
        """Pixels by which an image of this size is larger or smaller."""
        return max(abs(self.size[0] - width), abs(self.size[1] - height))

    def lies_in(self, sensor_width: int, sensor_height: int) -> bool:
        """Whether the sensor has these pixels; 0: its size is unknown."""
        return (not sensor_width or self.x + self.width <= sensor_width + _ROUNDING) and (
            not sensor_height or self.y + self.height <= sensor_height + _ROUNDING
        )

    def intrinsics(self, sensor: CameraIntrinsics) -> CameraIntrinsics:
        """Intrinsics of the image."""
        return CameraIntrinsics(
            fx=sensor.fx / self.x_binning,
            fy=sensor.fy / self.y_binning,
            cx=(sensor.cx - self.x) / self.x_binning,
            cy=(sensor.cy - self.y) / self.y_binning,
        )


def _window_of_image(info: CameraInfo, width: int, height: int) -> _Window:
    """What an image of this size shows: the region of interest, or the whole sensor where it was not applied."""
    binning = max(info.binning_x, 1), max(info.binning_y, 1)
    roi, full_width, full_height = info.roi, info.width or width * binning[0], info.height or height * binning[1]
    region = _Window(roi.x_offset, roi.y_offset, roi.width or full_width, roi.height or full_height, *binning)
    sensor = _Window(0, 0, full_width, full_height, *binning)
    window = min(region, sensor, key=lambda candidate: candidate.differs_by(width, height))
    # Drivers round odd sizes up or down, and regions of interest to what their sensor can do.
    if window.differs_by(width, height) <= _ROUNDING and region.lies_in(info.width, info.height):
        return window
    if region == sensor and binning == (1, 1):
        raise CameraInfoError(
            f"it is for images of {full_width} x {full_height} pixels, the image has {width} x {height}: publish the "
            "camera_info of the resized image, as image_proc's resize node does"
        )
    raise CameraInfoError(
        f"its width and height ({info.width} x {info.height}, of the whole sensor), region of interest ({roi.width} x "
        f"{roi.height} at {roi.x_offset}, {roi.y_offset}, in its pixels) and binning ({info.binning_x} x "
        f"{info.binning_y}) contradict the image of {width} x {height} pixels or each other: correct them in the "
        "camera's driver"
    )


def _lens(info: CameraInfo) -> LensDistortion | None:
    name, coefficients = info.distortion_model, tuple(map(float, info.d))
    if name not in _LENS_MODELS:
        if name.lower() in _NO_LENS and not any(coefficients):
            return None
        raise CameraInfoError(
            f"its distortion_model {name!r} is not one of {', '.join(_LENS_MODELS)}: calibrate the camera with one of "
            "them, or subscribe to rectified images"
        )
    if _LENS_MODELS[name] == "fisheye":
        # Without coefficients it is still no pinhole. Some drivers publish none, others fill up to five.
        coefficients = coefficients[:4] if any(coefficients[:4]) and not any(coefficients[4:]) else coefficients
        return LensDistortion("fisheye", coefficients if any(coefficients) else (0.0,) * 4)
    return LensDistortion(_LENS_MODELS[name], coefficients) if any(coefficients) else None


@lru_cache(maxsize=16)
def _require_plausible_lens(lens: LensDistortion, camera: CameraIntrinsics, width: int, height: int) -> None:
    """Remember the last lenses: every image comes with its camera_info, and nearly all are the same."""
    lens.require_plausible(camera, width, height)
