"""Which intrinsics belong to an image: those of its camera_info, assumed ones, or none."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from sensor_msgs.msg import CameraInfo

from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.lens import LensDistortion, LensModel
from handos_ros.msg import HandArray

_LENS_MODELS: Final[dict[str, LensModel]] = {
    "plumb_bob": "radial_tangential",
    "rational_polynomial": "radial_tangential",
    "equidistant": "fisheye",
}
"""Names of `CameraInfo.distortion_model` (sensor_msgs/distortion_models.hpp)."""


class IntrinsicsOrigin(IntEnum):
    """Where intrinsics come from; the values of `HandArray.intrinsics`."""

    NONE = HandArray.INTRINSICS_NONE
    CALIBRATED = HandArray.INTRINSICS_CALIBRATED
    ASSUMED = HandArray.INTRINSICS_ASSUMED


@dataclass(frozen=True)
class ImageIntrinsics:
    """Intrinsics of one image."""

    camera: CameraIntrinsics | None
    """``None`` if and only if `origin` is NONE."""
    origin: IntrinsicsOrigin
    lens: LensDistortion | None = None
    """``None``: no distortion."""


class CameraInfoError(ValueError):
    """A camera_info cannot be used: why, and what to do."""


def intrinsics_from_camera_info(info: CameraInfo, width: int, height: int, *, rectified: bool) -> ImageIntrinsics:
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
    x_binning, y_binning = max(info.binning_x, 1), max(info.binning_y, 1)
    expected = ((info.roi.width or info.width) // x_binning, (info.roi.height or info.height) // y_binning)
    if 0 not in expected and expected != (width, height):
        raise CameraInfoError(
            f"it is for images of {expected[0]} x {expected[1]} pixels, the image has {width} x {height}: publish the "
            "camera_info of the resized image, as image_proc's resize node does"
        )
    try:
        camera = CameraIntrinsics(
            fx=matrix[0] / x_binning,
            fy=matrix[columns + 1] / y_binning,
            cx=(matrix[2] - info.roi.x_offset) / x_binning,
            cy=(matrix[columns + 2] - info.roi.y_offset) / y_binning,
        )
        return ImageIntrinsics(camera, IntrinsicsOrigin.CALIBRATED, None if rectified else _lens(info))
    except ValueError as error:
        raise CameraInfoError(str(error)) from error


def assumed_intrinsics(width: int, height: int, field_of_view: float | None) -> ImageIntrinsics:
    """Intrinsics of an image whose camera is unknown: none, unless a field of view is given.

    Parameters
    ----------
    width, height
        Of the image in pixels.
    field_of_view
        Degrees along the longer side.
    """
    if field_of_view is None:
        return ImageIntrinsics(None, IntrinsicsOrigin.NONE)
    camera = CameraIntrinsics.from_field_of_view(width, height, field_of_view)
    return ImageIntrinsics(camera, IntrinsicsOrigin.ASSUMED)


def _lens(info: CameraInfo) -> LensDistortion | None:
    coefficients = tuple(info.d)
    if not any(coefficients):
        return None
    if info.distortion_model not in _LENS_MODELS:
        raise CameraInfoError(
            f"its distortion_model {info.distortion_model!r} is not one of {', '.join(_LENS_MODELS)}: calibrate the "
            "camera with one of them, or subscribe to rectified images"
        )
    return LensDistortion(_LENS_MODELS[info.distortion_model], coefficients)
